"""What is done with a row of each type, what it leads to, and what can be seen of it then."""

import time

import cattle
import requests

from callers import EVERYWHERE, MEMBERS, PATIENCE, Key, connect, good, name, not_allowed
from makers import IMAGE

GONE = ('removed', 'purging', 'purged')

# Actions that are left out here, and why.
DONE_ELSEWHERE = {
    'backup': 'needs what volumes hold', 'restorefrombackup': 'needs what volumes hold',
    'reverttosnapshot': 'needs what volumes hold', 'snapshot': 'needs what volumes hold',
    'certificate': 'a file, not a row', 'create': 'done by whoever makes rows',
}
# There is no Kubernetes here whose stacks could be upgraded.
# Provisioning is for hosts that come from a machine.
NOT_DONE = [('kubernetesStack', 'upgrade'), ('host', 'provision')]

# Types whose actions need more than a server without anything around it.
ACTED_ELSEWHERE = {
    'machineDriver': 'drivers are fetched: machines',
    'scheduledUpgrade': 'their time has to come: upgrades',
}

# Types of the usual states that begin inactive; the others begin active.
INACTIVE_FIRST = [
    'accountLink', 'credentialInstanceMap', 'imageStoragePoolMap', 'instanceLink', 'machineDriver',
    'nic', 'region', 'volume', 'volumeTemplate', 'zone',
]
SERVICES = [
    'service', 'loadBalancerService', 'dnsService', 'externalService', 'composeService',
    'kubernetesService', 'networkDriverService', 'storageDriverService',
]
WITH_CONTAINERS = ['service', 'loadBalancerService', 'networkDriverService',
                   'storageDriverService']
STACKS = ['stack', 'environment', 'composeProject', 'kubernetesStack']
INSTANCES = ['container', 'instance', 'virtualMachine']
# What there is as soon as it is made, and never changes: the state it is in.
MADE = {
    'backup': 'created', 'backupTarget': 'created', 'certificate': 'active', 'containerEvent': 'created',
    'dynamicSchema': 'active', 'externalDnsEvent': 'created', 'externalEvent': 'created',
    'externalHostEvent': 'created', 'externalServiceEvent': 'created',
    'externalStoragePoolEvent': 'created', 'externalVolumeEvent': 'created',
    'genericObject': 'active', 'healthcheckInstance': 'active',
    'healthcheckInstanceHostMap': 'active', 'hostTemplate': 'active', 'mount': 'active',
    'projectTemplate': 'active', 'pullTask': 'active', 'register': 'active',
    'resourcePool': 'requested', 'secret': 'active', 'serviceConsumeMap': 'active',
    'serviceEvent': 'created', 'serviceExposeMap': 'active', 'snapshot': 'created',
}
MADE.update({type: 'inactive' for type in SERVICES + INACTIVE_FIRST})
MADE.update({type: 'running' for type in INSTANCES})

SAME = object()
LEADS_TO = {
    'activate': 'active', 'activateservices': SAME, 'addoutputs': SAME, 'addservicelink': SAME,
    'associate': 'associated', 'bootstrap': 'active', 'changesecret': SAME, 'deactivate': 'inactive',
    'deactivateservices': SAME, 'disassociate': 'active', 'disconnect': 'disconnected',
    'dockersocket': SAME, 'console': SAME, 'error': 'error', 'evacuate': 'inactive',
    'execute': SAME, 'exportconfig': SAME, 'finishupgrade': 'active', 'logs': SAME,
    'migrate': SAME, 'proxy': SAME, 'reactivate': 'active', 'reconnect': 'active',
    'removeservicelink': SAME, 'restart': SAME, 'rollback': 'active',
    'rollbackto': 'upgraded', 'setmembers': SAME,
    'setservicelinks': SAME, 'start': 'running', 'stop': 'stopped', 'test': SAME, 'update': SAME,
    'upgrade': 'upgraded',
}
LEADS_ELSEWHERE = {
    ('account', 'upgrade'): 'active', ('project', 'upgrade'): 'active',
    ('volume', 'deactivate'): 'detached', ('storageDriver', 'update'): 'active',
    ('networkDriver', 'update'): 'active',
}

COMPOSE = 'version: "2"\nservices:\n  web:\n    image: nginx:%s\n'


def plan(type, row):
    """The actions to be done, one after the other, as far as a role has them."""
    if type in INSTANCES:
        return ['update', 'restart', 'execute', 'logs', 'proxy', 'console', 'migrate', 'stop',
                'start', 'stop', 'error']
    if type in SERVICES:
        upgrade = ['upgrade', 'rollback', 'upgrade', 'finishupgrade']
        back = ['rollbackto', 'finishupgrade']
        return ['activate', 'update', 'restart', 'addservicelink', 'removeservicelink',
                'setservicelinks', *upgrade, *back, 'deactivate']
    if type in STACKS:
        upgrade = ['upgrade', 'rollback', 'upgrade', 'finishupgrade']
        return ['update', 'addoutputs', 'exportconfig', 'deactivateservices', 'activateservices',
                *upgrade]
    if type == 'host':
        return ['update', 'dockersocket', 'deactivate', 'activate', 'evacuate']
    if type == 'agent':
        return ['update', 'disconnect', 'reconnect', 'deactivate', 'activate']
    if type == 'ipAddress':
        return ['update', 'associate', 'disassociate', 'deactivate', 'activate']
    if type == 'volume':
        return ['update', 'activate', 'deactivate']
    if type == 'physicalHost':
        return ['update', 'error', 'bootstrap']
    if row.state == 'inactive':
        return ['activate', 'update', 'deactivate']
    return ['setmembers', 'changesecret', 'update', 'test', 'deactivate', 'activate', 'upgrade']


class Deeds:
    """Does to a row what can be done to it."""

    def __init__(self, maker, type, schema, row, body):
        self.maker, self.client = maker, maker.client
        self.type, self.schema, self.row, self.body = type, schema, row, body
        self.seen, self.done = set(), set()

    def offered(self):
        found = set(vars(self.row.actions)) if hasattr(self.row, 'actions') else set()
        self.seen |= found
        return found

    def all(self):
        if not hasattr(self.row, 'state') or self.type in ACTED_ELSEWHERE:
            return
        state = MADE.get(self.type, 'active')
        assert self.row.state == state, 'made %s, not %s' % (self.row.state, state)
        for action in plan(self.type, self.row):
            if action in self.offered() and (self.type, action) not in NOT_DONE:
                self.act(action)
        self.offered()
        left = self.seen - self.done - set(DONE_ELSEWHERE) - {'remove', 'purge'}
        left = [action for action in left if (self.type, action) not in NOT_DONE]
        assert not left, 'nobody did %s of %s' % (sorted(left), self.type)

    def act(self, action):
        before = self.row
        body = getattr(self, 'for_' + action, dict)()
        self.done.add(action)
        # A password belongs to a person: nobody has one as a member of an environment.
        if action == 'changesecret' and self.maker.caller.role in MEMBERS:
            return not_allowed(lambda: self.client.action(self.row, action, **body), 404)
        answer = self.client.action(self.row, action, **body)
        self.row = good(self.client, self.row)
        state = LEADS_ELSEWHERE.get((self.type, action), LEADS_TO[action])
        state = before.state if state is SAME else state
        assert self.row.state == state, '%s leads from %s to %s, not %s: %s' % (
            action, before.state, self.row.state, state, self.row.transitioningMessage)
        output = getattr(vars(self.schema.resourceActions)[action], 'output', None)
        if output not in (None, '', before.baseType):
            whole = answer.type == 'collection' or getattr(answer, 'id', None) == before.id
            assert whole or answer.type == output, (action, answer.type, output)
        check = getattr(self, 'after_' + action, None)
        if check:
            check(body, answer, before)

    # What actions are given.

    def for_restart(self):
        return {'rollingRestartStrategy': {}} if self.type in SERVICES else {}

    def for_stop(self):
        return {'timeout': 0}

    def for_execute(self):
        return {'command': ['true'], 'attachStdin': False, 'attachStdout': True, 'tty': False}

    def for_logs(self):
        return {'follow': False, 'lines': 10}

    def for_proxy(self):
        return {'scheme': 'http', 'port': 80}

    def for_addoutputs(self):
        return {'outputs': {'answer': '42'}}

    def for_addservicelink(self):
        if not hasattr(self, 'target'):
            stack = getattr(self.row, 'stackId', None) or self.row.environmentId
            key = 'environmentId' if self.maker.version == 'v1' else 'stackId'
            self.target, _ = self.maker.create(
                'externalService', hostname='target.test', **{key: stack})
        return {'serviceLink': {'serviceId': self.target.id, 'name': 'target'}}

    def for_removeservicelink(self):
        return self.for_addservicelink()

    def for_setservicelinks(self):
        return {'serviceLinks': [self.for_addservicelink()['serviceLink']]}

    def for_changesecret(self):
        self.secret = name('secret')
        return {'oldSecret': self.body['secretValue'], 'newSecret': self.secret}

    def for_setmembers(self):
        me = {'externalId': '1a1', 'externalIdType': 'rancher_id', 'role': 'owner'}
        mine = [dict(me, externalId=one.externalId) for one in self.row.projectMembers()]
        mine = [one for one in mine if one['externalId'] != '1a1']
        other = dict(me, externalId=self.maker.caller.other, role='readonly')
        return {'members': [me, *mine, other]}

    def for_upgrade(self):
        if self.type in SERVICES:
            launch = {'imageUuid': 'docker:nginx:2', 'labels': {'turn': name('turn')}}
            return {'inServiceStrategy': {
                'launchConfig': launch, 'batchSize': 1, 'intervalMillis': 100}}
        if self.type in STACKS:
            return {'dockerCompose': COMPOSE % name('v'), 'rancherCompose': ''}
        return {}

    def for_rollbackto(self):
        first = min(self.row.serviceVersions(), key=lambda one: one.versionNumber)
        return {'versionId': first.id, 'intervalMillis': 100}

    # What can be seen of them.

    def after_start(self, body, answer, before):
        assert self.row.startCount == before.startCount + 1, 'not started'

    def after_restart(self, body, answer, before):
        if self.type == 'container':
            assert self.row.startCount == before.startCount + 1, 'not restarted'

    def after_logs(self, body, answer, before):
        assert answer.url.startswith('ws://') and answer.token, answer

    after_execute = after_dockersocket = after_logs

    def after_proxy(self, body, answer, before):
        page = requests.get(answer.url, params={'token': answer.token}, timeout=PATIENCE)
        assert page.status_code == 200 and page.text.startswith('GET / HTTP/1.1'), page.text

    def linked(self):
        return vars(self.client.reload(self.row)).get('linkedServices')

    def after_addservicelink(self, body, answer, before):
        linked = self.linked()
        assert linked is not None and getattr(linked, 'target') == self.target.id, linked

    after_setservicelinks = after_addservicelink

    def after_removeservicelink(self, body, answer, before):
        linked = self.linked()
        assert linked is None or not hasattr(linked, 'target'), linked

    def after_activate(self, body, answer, before):
        if self.type in WITH_CONTAINERS:
            self.until(['running'], lambda: [one.state for one in self.row.instances()])
        if self.type == 'apiKey':
            self.logs_in(True)

    def after_deactivate(self, body, answer, before):
        if self.type in WITH_CONTAINERS:
            self.until(['stopped'], lambda: [one.state for one in self.row.instances()])
        if self.type == 'apiKey':
            self.logs_in(False)

    def logs_in(self, may):
        key = Key(self.maker.revealed[self.row.id].publicValue,
                  self.maker.revealed[self.row.id].secretValue)
        try:
            connect(key, self.maker.version)
            did = True
        except cattle.ApiError as error:
            assert error.error.status == 401, error
            did = False
        assert did == may, 'the key %s' % ('works' if did else 'does not work')

    def images(self):
        return {one.imageUuid for one in self.row.instances() if one.state == 'running'}

    def until(self, expected, look):
        """Balancers get a new configuration, and hosts report, after a service has its state."""
        deadline = time.time() + PATIENCE
        found = look()
        while found != expected and time.time() < deadline:
            time.sleep(0.1)
            found = look()
        assert found == expected, 'last seen: %s' % found

    def after_upgrade(self, body, answer, before):
        if self.type in WITH_CONTAINERS:
            self.until({'docker:nginx:2'}, self.images)

    def after_rollback(self, body, answer, before):
        if self.type in WITH_CONTAINERS:
            self.until({IMAGE}, self.images)

    def after_finishupgrade(self, body, answer, before):
        if self.type in WITH_CONTAINERS:
            self.until({before.launchConfig.imageUuid}, self.images)
            self.until(1, lambda: len(self.row.instances().data))

    def after_setmembers(self, body, answer, before):
        found = {(one.externalId, one.role) for one in self.row.projectMembers()}
        given = {(one['externalId'], one['role']) for one in body['members']}
        assert found == given, found

    def after_changesecret(self, body, answer, before):
        # Administrators need not know the old one.
        if self.maker.caller.role in EVERYWHERE:
            return
        try:
            self.client.action(self.row, 'changesecret', **body)
        except cattle.ApiError as error:
            assert error.error.code == 'InvalidOldPassword', error
        else:
            raise AssertionError('the old secret still works')
