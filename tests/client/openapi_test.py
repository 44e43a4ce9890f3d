"""The OpenAPI document of a version is valid, and what the server answers is what it says.

schemathesis makes the requests out of the document and compares the answers with it: no server error, no
status, content type or body that is not described. Ids in URLs are those of resources that are there, made
below or by the requests before; what is asked follows from SEED alone.

Run by tests/it/described.rs against a server with simulated hosts; needs URL (without a path), VERSION,
ACCESS_KEY and SECRET_KEY (of an administrator's API key), EXAMPLES and SEED in the environment.
"""

import os
import tempfile
import time
import unittest

import hypothesis
import hypothesis.configuration
import requests
import schemathesis
from hypothesis import strategies
from openapi_spec_validator import validate
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks

URL = os.environ['URL']
VERSION = os.environ['VERSION']
EXAMPLES = int(os.environ['EXAMPLES'])
SEED = int(os.environ['SEED'])
PROJECT = '1a5'
IMAGE = 'docker:nginx:1'
# Longest wait for something that ought to happen, in seconds.
DEADLINE = 120
# Faults that are shown.
FAULTS = 30
# The id of nothing.
NOTHING = '1x999999'
# Resources of each type that others are told to refer to.
REFERENCES = 3

def no_server_error(ctx, response, case):
    """No 5xx, but where a provider says that it is not there."""
    code = NOT_THERE.get(plural(case.operation))
    if code is None or response.status_code != 503 or response.json()['code'] != code:
        not_a_server_error(ctx, response, case)


CHECKS = [
    no_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]

# Providers of logins that are not there: to enable one is a 503 with this code, as in Rancher.
NOT_THERE = {
    'azureadconfigs': 'AzureNotConfigured',
    'githubconfigs': 'NotConfigured',
    'ldapconfigs': 'LdapDown',
    'openldapconfigs': 'OpenLDAPConfig',
}
# What is written when everything else is done: whose login is the administrator's is another afterwards. No
# document tells of `token`, which no role sees that has one.
LAST = ('localauthconfigs',)

# What only new rows are changed in: without these the caller would not be let in any more.
KEPT = ('accounts', 'apikeys', 'credentials', 'passwords', 'projects')


def session():
    made = requests.Session()
    made.auth = (os.environ['ACCESS_KEY'], os.environ['SECRET_KEY'])
    made.headers['X-API-Project-Id'] = PROJECT
    return made


def plural(operation):
    return operation.path.split('/')[1]


class Place:
    """Something of what most people have, made before it is looked at."""

    def __init__(self, http):
        self.http = http
        self.base = '%s/v2-beta' % URL
        stack = self.make('stacks', name='shop')
        launch = {'imageUuid': IMAGE, 'labels': {'a': 'b'}, 'environment': {'C': 'd'},
                  'ports': ['8080:80/tcp'], 'healthCheck': {'port': 80}}
        service = self.make('services', name='web', stackId=stack['id'], scale=2,
                            startOnCreate=True,
                            launchConfig=launch)
        self.make('containers', name='alone', imageUuid=IMAGE, dataVolumes=['data:/data'])
        self.make('volumes', name='disk', driver='local')
        self.make('registrationtokens')
        self.make('secrets', name='secret', value='c2VjcmV0')
        registry = self.make('registries', serverAddress='registry.example.org')
        self.make('registrycredentials', registryId=registry['id'], publicValue='me',
                  secretValue='secret')
        self.make('externalservices', name='out', stackId=stack['id'],
                  externalIpAddresses=['192.0.2.1'])
        self.make('dnsservices', name='alias', stackId=stack['id'])
        # No document tells of a driver's configuration. Nothing listens there.
        driver = self.http.get('%s/machinedrivers' % self.base, params={'name': 'generic'})
        self.until_active('machinedrivers', driver.json()['data'][0]['id'])
        self.make('machines', name='far', genericConfig={'address': '127.0.0.1', 'sshPort': 1})
        self.until_active('services', service['id'])

    def make(self, plural, **body):
        answer = self.http.post('%s/%s' % (self.base, plural), json=body)
        assert answer.status_code == 201, '%s: %s' % (plural, answer.text)
        return answer.json()

    def until_active(self, plural, id):
        deadline = time.monotonic() + DEADLINE
        while True:
            row = self.http.get('%s/%s/%s' % (self.base, plural, id)).json()
            if row['state'] == 'active':
                return
            assert time.monotonic() < deadline, 'last seen: %s' % row
            time.sleep(0.1)


class OpenapiTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        # What hypothesis keeps is kept nowhere.
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        hypothesis.configuration.set_hypothesis_home_dir(folder.name)

    def setUp(self):
        self.http = session()
        self.base = '%s/%s' % (URL, VERSION)
        self.faults = []
        self.asked = {}

    def test_the_document_is_valid(self):
        validate(self.document())

    def document(self):
        answer = self.http.get('%s/openapi.json' % self.base)
        self.assertEqual(answer.status_code, 200)
        return answer.json()

    def test_the_server_does_what_the_document_says(self):
        Place(self.http)
        schema = schemathesis.openapi.from_dict(self.document())
        operations = [found.ok() for found in schema.get_all_operations()]
        by_method = {}
        for operation in operations:
            by_method.setdefault(operation.method, []).append(operation)
        lists = [own for own in by_method['get'] if '{id}' not in own.path]
        others = [own for own in by_method['get'] if '{id}' in own.path]
        for operation in lists:
            self.ask(operation.Case())
        first = self.ids(lists)
        made = {plural(one) for one in by_method['post']}
        self.assertLessEqual({*LAST, 'machines', 'openldapconfigs'}, made)
        for operation in others:
            self.ask(operation.Case(path_parameters={'id': self.id(operation, first)}))
        self.know(schema, lists)
        for operation in lists:
            self.fuzz(operation)
        self.write(by_method, first, lambda plural: plural not in LAST)
        self.write(by_method, first, lambda plural: plural in LAST)
        # What came of all that can be looked at, too.
        for operation in lists:
            self.ask(operation.Case())
        self.report(operations)

    def write(self, by_method, first, chosen):
        """Makes rows of the chosen types, and does to them what can be done."""
        own = {method: [one for one in operations if chosen(plural(one))]
               for method, operations in by_method.items()}
        for operation in own['post']:
            if '{id}' not in operation.path:
                self.fuzz(operation)
        now = self.ids([one for one in own['get'] if '{id}' not in one.path])
        self.act(own['post'], now, first)
        for method in ('put', 'post', 'delete'):
            for operation in own[method]:
                if '{id}' in operation.path:
                    self.fuzz(operation, self.id(operation, now, first))

    def know(self, schema, lists):
        """Has references to other resources name some that are there."""
        known = {}
        for operation in lists:
            answer = self.http.get(self.base + operation.path, params={'limit': REFERENCES})
            rows = answer.json()['data'] if answer.status_code == 200 else []
            known[operation.tags[0]] = [row['id'] for row in rows if row['id']]
        for kind in schema.raw_schema['components']['schemas']:
            ids = known.get(kind) or [NOTHING]
            schemathesis.openapi.format('reference[%s]' % kind, strategies.sampled_from(ids))

    def act(self, operations, now, first):
        """Every action that rows offer and that takes nothing, or nothing that is needed."""
        for operation in operations:
            id = self.id(operation, now, first)
            if '{id}' not in operation.path or id == NOTHING:
                continue
            answer = self.http.get(self.base + operation.path.replace('{id}', id))
            for action in answer.json().get('actions', {}):
                self.ask(operation.Case(path_parameters={'id': id}, query={'action': action},
                                        body={}, media_type='application/json'))

    def ids(self, lists):
        """The newest row of each list."""
        found = {}
        for operation in lists:
            answer = self.http.get(self.base + operation.path, params={'order': 'desc', 'limit': 1})
            rows = answer.json()['data'] if answer.status_code == 200 else []
            if rows and rows[0]['id']:
                found[operation.path] = rows[0]['id']
        return found

    @staticmethod
    def id(operation, ids, but=None):
        """The id of a row to ask for; one of nothing for those that had better stay as they are."""
        place = '/' + plural(operation)
        id = ids.get(place, NOTHING)
        if but and plural(operation) in KEPT and but.get(place) == id:
            return NOTHING
        return id

    def fuzz(self, operation, id=None):
        given = {'path_parameters': {'id': id}} if id else {}

        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):

            @hypothesis.seed(SEED)
            @hypothesis.settings(max_examples=EXAMPLES, database=None, deadline=None,
                                 derandomize=False,
                                 phases=[hypothesis.Phase.generate],
                                 suppress_health_check=list(hypothesis.HealthCheck))
            @hypothesis.given(case=operation.as_strategy(mode, **given))
            def run(case):
                self.ask(case)

            run()

    def ask(self, case):
        label = case.operation.label
        try:
            answer = case.call_and_validate(base_url=self.base, session=self.http, checks=CHECKS,
                                            timeout=DEADLINE)
            self.asked.setdefault(label, []).append(answer.status_code)
        except BaseExceptionGroup as faults:
            # Every one of them is reported, not only the first.
            self.asked.setdefault(label, []).append(0)
            for fault in faults.exceptions:
                self.faults.append('%s\n%s\n%s' % (label, fault, case.as_curl_command()))

    def report(self, operations):
        codes = sorted(code for codes in self.asked.values() for code in codes)
        counts = {code: codes.count(code) for code in set(codes)}
        print('%s operations, answers by status: %s' % (len(self.asked), counts))
        self.assertFalse(self.faults, '%d faults\n\n%s' % (len(self.faults),
                                                           '\n\n'.join(self.faults[:FAULTS])))
        missing = [own.label for own in operations if own.label not in self.asked]
        self.assertFalse(missing)
        # A test of refusals alone would say little.
        answered = [label for label, codes in self.asked.items() if min(codes) < 300]
        self.assertGreater(len(answered), len(operations) // 3)


if __name__ == '__main__':
    unittest.main()
