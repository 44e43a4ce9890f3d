"""Every type that a role can create, through its whole life, with the client of the time, unmodified:
created, waited for, read, changed, acted on, its links followed, removed and purged.

Run by tests/it/cattle_client.rs against a server with simulated hosts; needs URL (without a path),
ACCESS_KEY and SECRET_KEY (of an administrator's API key) in the environment.
"""

import base64
import json
import os
import unittest
import uuid

import cattle

URL = os.environ['URL']
IMAGE = 'docker:nginx:1'
PROJECT = '1a5'
ROLES = ['superadmin', 'admin', 'user', 'owner', 'member', 'restricted', 'readonly', 'project',
         'agent']
MEMBERS = ['owner', 'member', 'restricted', 'readonly']
GOLDEN = os.path.join(os.path.dirname(__file__), '..', 'golden')

# Types with a create method whose rows this test does not make, and why.
NOT_MADE = {
    'haConfigInput': 'the input of an action',
    'hostApiProxyToken': 'a token for a tunnel',
    'localAuthConfig': 'it switches access control; logins have tests of their own',
    'machine': 'needs a machine to reach; machines have tests of their own',
    'network': 'needs a driver, which comes with a networkDriverService',
    'networkPolicyRuleWithin': 'a value inside a network',
    'physicalHost': 'comes with a host or a machine',
    'projectMember': 'members are set by an action of the environment',
    'serviceProxy': 'a token for a websocket',
    'subscribe': 'a websocket',
}

# Rows without states, which are never removed.
NOT_REMOVED = ['dynamicSchemaRole', 'resourcePool', 'serviceLog']

# Links that lead nowhere yet.
UNFINISHED = ['configItemStatuses']

KEY = '''-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgjtqckup/IBkOBDMW
KAWDf2l7uZ2OjQtUaw79CEH29KehRANCAAQVi3A3PYrgwn4xOPWCfbHx2XWYdbKt
NuaKpm/U6ndYyR70IcyZG8Nq+t51rve9Q3PQbvhWQpieXs25uQ3YvEiq
-----END PRIVATE KEY-----
'''
CERT = '''-----BEGIN CERTIFICATE-----
MIIBhDCCASugAwIBAgIUPYeZWqPWHOAaS5nfNP0lH/9Y4HIwCgYIKoZIzj0EAwIw
FzEVMBMGA1UEAwwMZXhhbXBsZS50ZXN0MCAXDTI2MTEyODExNTc0MFoYDzIxMjYx
MTA0MTE1NzQwWjAXMRUwEwYDVQQDDAxleGFtcGxlLnRlc3QwWTATBgcqhkjOPQIB
BggqhkjOPQMBBwNCAAQVi3A3PYrgwn4xOPWCfbHx2XWYdbKtNuaKpm/U6ndYyR70
IcyZG8Nq+t51rve9Q3PQbvhWQpieXs25uQ3YvEiqo1MwUTAdBgNVHQ4EFgQUkVJm
xGEuO6YSl/ffSTb6KKguX4MwHwYDVR0jBBgwFoAUkVJmxGEuO6YSl/ffSTb6KKgu
X4MwDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNHADBEAiACKfnzztVRsWJV
vlmvOecOGN5GHhcA4biQ5Zv9DPvZ9wIgH5AzcPXkz9nQPJjRK+qW8ftMMJ5p7UEf
fWyTTmaz+i4=
-----END CERTIFICATE-----
'''

STATES_GONE = ('removed', 'purging', 'purged')


def name(prefix):
    return '%s-%s' % (prefix.lower(), uuid.uuid4().hex[:8])


def connect(key, version='v2-beta', inside=False):
    where = '%s/projects/%s' % (version, PROJECT) if inside else version
    return cattle.from_env(url='%s/%s/schemas' % (URL, where),
                           access_key=key.publicValue, secret_key=key.secretValue)


class Key:
    publicValue = os.environ['ACCESS_KEY']
    secretValue = os.environ['SECRET_KEY']


class Callers:
    """One caller a role, made by the administrator as people would."""

    def __init__(self):
        self.admin = connect(Key)
        self.keys = {}
        members = [self.member('1a1', 'owner')]
        for role in ROLES:
            self.keys[role] = self.make(role, members)
        project = self.admin.by_id_project(PROJECT)
        self.admin.action(project, 'setmembers', members=members)

    @staticmethod
    def member(account, role):
        return {'externalId': account, 'externalIdType': 'rancher_id', 'role': role}

    def make(self, role, members):
        if role == 'project':
            return self.key(PROJECT)
        if role == 'agent':
            return self.register()
        if role == 'superadmin':
            root = self.admin.by_id_account('1a3')
            if root.state != 'active':
                self.admin.wait_success(self.admin.action(root, 'activate'))
            return self.key(root.id)
        kind = role if role == 'admin' else 'user'
        account = self.admin.wait_success(self.admin.create_account(name=name(role), kind=kind))
        if role in MEMBERS:
            members.append(self.member(account.id, role))
        return self.key(account.id)

    def register(self):
        """A host that registers, as Rancher's agents do."""
        inside = connect(Key, inside=True)
        token = inside.wait_success(inside.create_registrationToken())

        class Token:
            publicValue = 'registrationToken'
            secretValue = token.token

        client = connect(Token)
        row = client.create_register(key=str(uuid.uuid4()))
        while row.state != 'active':
            row = client.list_register(key=row.key).data[0]
        key = Key()
        key.publicValue, key.secretValue = row.accessKey, row.secretKey
        return key

    def key(self, account):
        key = self.admin.create_apiKey(accountId=account, name=name('key'))
        self.admin.wait_success(key)
        return key

    def client(self, role, version='v2-beta'):
        return connect(self.keys[role], version, inside=role in MEMBERS)


class Maker:
    """Makes rows of every type, and what they refer to before."""

    def __init__(self, client):
        self.client = client
        self.made = []

    def row(self, type):
        """A row that another can refer to."""
        found = [one for one in self.client.list(type).data if one.state in ('active', 'inactive')]
        return found[0] if found else self.create(type)

    def create(self, type, **more):
        body = self.needed(type)
        body.update(RECIPES.get(type, lambda maker: {})(self))
        body.update(more)
        row = wait(self.client, type, self.client.create(type, **body))
        self.made.append((type, row))
        return row

    def needed(self, type):
        fields = self.client.schema.types[type].resourceFields
        body = {}
        for key, field in vars(fields).items():
            if not isinstance(field, cattle.RestObject) or not getattr(field, 'create', False):
                continue
            owned = key == 'accountId' and type != 'userPreference'
            if key == 'name' or owned or getattr(field, 'required', False):
                body[key] = self.value(type, key, field)
        return body

    def value(self, type, key, field):
        kind = field.type
        if key == 'name':
            return name(type)
        if key == 'accountId':
            return PROJECT
        if getattr(field, 'options', None):
            return field.options[0]
        if kind.startswith('reference['):
            return self.row(kind[len('reference['):-1]).id
        if kind.startswith('array['):
            inner = kind[len('array['):-1]
            return [{}] if getattr(field, 'required', False) and inner in self.client.schema.types else []
        if kind.startswith('map['):
            return {}
        if kind == 'int':
            return getattr(field, 'min', None) or 1
        return {'boolean': True, 'json': {}}.get(kind, name(key))

    def stack(self):
        return {'stackId': self.create('stack').id}

    def launch(self, **more):
        return {'launchConfig': dict({'imageUuid': IMAGE}, **more)}


def wait(client, type, row):
    """What has no states has nothing to wait for."""
    if not hasattr(row, 'transitioning'):
        return row
    row = client.by_id(type, row.id)
    try:
        return client.wait_success(row) if row is not None else row
    except AttributeError:
        # An environment goes with its last membership: its owner does not see the end of it.
        if client.by_id(type, row.id) is not None:
            raise


def service(maker):
    return dict(maker.stack(), **maker.launch())


RECIPES = {
    'account': lambda maker: {'kind': 'user'},
    'agent': lambda maker: {'uri': 'sim://' + name('agent')},
    'certificate': lambda maker: {'cert': CERT, 'key': KEY},
    'container': lambda maker: {'imageUuid': IMAGE},
    'dnsService': lambda maker: maker.stack(),
    'externalService': lambda maker: dict(maker.stack(), hostname='example.test'),
    'loadBalancerService': lambda maker: dict(
        maker.stack(), lbConfig={'portRules': []}, **maker.launch(ports=['8098:8098'])),
    'networkDriverService': lambda maker: dict(service(maker), networkDriver={'name': name('nd')}),
    'password': lambda maker: {'publicValue': name('login'), 'secretValue': name('secret')},
    'registry': lambda maker: {'serverAddress': name('r') + '.test'},
    'registryCredential': lambda maker: {
        'registryId': maker.create('registry').id, 'publicValue': 'me', 'secretValue': 'secret'},
    'secret': lambda maker: {'value': base64.b64encode(b'hush').decode()},
    'service': service,
    'setting': lambda maker: {'name': name('test.setting').replace('-', '.'), 'value': 'x'},
    'storageDriverService': lambda maker: dict(service(maker), storageDriver={'name': name('sd')}),
    'composeService': lambda maker: maker.stack(),
    'externalHandler': lambda maker: {'processConfigs': [{'name': 'instance.start', 'onError': ''}]},
    'externalStoragePoolEvent': lambda maker: {'storagePool': {'name': name('pool')}},
    'externalVolumeEvent': lambda maker: {'volume': {'name': name('volume')}},
    'instance': lambda maker: {'imageUuid': IMAGE},
    'kubernetesService': lambda maker: maker.stack(),
    'serviceConsumeMap': lambda maker: {'ports': ['80:80']},
    'virtualMachine': lambda maker: {'imageUuid': IMAGE},
    'userPreference': lambda maker: {'value': 'x'},
    'volume': lambda maker: {'driver': 'local'},
}


class Life(unittest.TestCase):
    """A test a role."""

    callers = None
    longMessage = True

    @classmethod
    def setUpClass(cls):
        if Life.callers is None:
            Life.callers = Callers()

    def schemas(self, role):
        for version in ('v1', 'v2-beta'):
            client = self.callers.client(role, version)
            path = os.path.join(GOLDEN, 'schemas.%s.%s.json' % (version, role))
            with open(path) as file:
                expected = [schema['id'] for schema in json.load(file)]
            self.assertEqual(sorted(client.schema.types), sorted(expected), version)
            for type, schema in client.schema.types.items():
                self.assertEqual(client.by_id('schema', type).pluralName, schema.pluralName)

    def lives(self, role):
        self.schemas(role)
        client = self.callers.client(role)
        for type, schema in sorted(client.schema.types.items()):
            if not (schema.creatable and schema.listable) or type in NOT_MADE:
                continue
            with self.subTest(role=role, type=type):
                self.life(Maker(client), type, schema)

    def life(self, maker, type, schema):
        try:
            self.whole(maker, type, schema)
        finally:
            for made, row in reversed(maker.made):
                self.remove(maker.client, made, row)

    def whole(self, maker, type, schema):
        client = maker.client
        row = maker.create(type)
        self.assertEqual(client.by_id(type, row.id).id, row.id)
        self.assertIn(row.id, [one.id for one in client.list(type, limit=1000).data])
        if schema.updatable:
            self.change(client, type, schema, row)
        row = self.act(client, type, row)
        self.follow(client, row)

    def change(self, client, type, schema, row):
        field = getattr(schema.resourceFields, 'description', None)
        change = {'description': 'changed'} if getattr(field, 'update', False) else {}
        changed = client.update(row, **change)
        changed = wait(client, type, changed)
        for key, value in change.items():
            self.assertEqual(getattr(changed, key), value)

    def act(self, client, type, row):
        """There and back again, as far as the row offers it."""
        for action in ('deactivate', 'activate', 'stop', 'start', 'restart'):
            row = client.by_id(type, row.id)
            if hasattr(row, 'actions') and hasattr(row.actions, action):
                is_service = action == 'restart' and hasattr(row, 'launchConfig')
                body = {'rollingRestartStrategy': {}} if is_service else {}
                row = wait(client, type, client.action(row, action, **body))
        return client.by_id(type, row.id)

    def follow(self, client, row):
        lost = []
        for link, url in sorted(vars(row.links).items()):
            if link in UNFINISHED or link in NOT_MADE:
                continue
            try:
                self.assertIsNotNone(client._get(url), link)
            except cattle.ApiError as error:
                lost.append('%s %s %s' % (link, error.error.status, error.error.message))
        self.assertEqual(lost, [])

    def remove(self, client, type, row):
        row = client.by_id(type, row.id)
        if row is None or getattr(row, 'state', None) in STATES_GONE:
            return
        if hasattr(row.actions, 'deactivate') and not hasattr(row.actions, 'remove'):
            row = wait(client, type, client.action(row, 'deactivate'))
        if row is not None and hasattr(row.actions, 'remove'):
            row = wait(client, type, client.action(row, 'remove'))
        elif row is not None and client.schema.types[type].deletable and type not in NOT_REMOVED:
            row = wait(client, type, client.delete(row))
        # What is gone for good, or for this caller, has nothing more to show.
        if not hasattr(row, 'transitioning') or not hasattr(row.actions, 'purge'):
            return
        self.assertIn(row.state, STATES_GONE)
        client.action(row, 'purge')
        row = client.by_id(type, row.id)
        self.assertTrue(row is None or row.state in ('purging', 'purged'), row)


def add(role):
    setattr(Life, 'test_' + role, lambda self: self.lives(role))


for each in ROLES:
    add(each)


if __name__ == '__main__':
    unittest.main(verbosity=2)
