"""How a row of each type is made: what it needs, and what it refers to."""

import base64

import cattle

from callers import EVERYWHERE, good, name

IMAGE = 'docker:nginx:1'

# Types with a create method whose rows this test does not make, and what does.
MADE_ELSEWHERE = {
    'localAuthConfig': 'one for everyone, made before anything else: Administrator in callers.py',
    'subscribe': 'a websocket and no row: opened by listeners.py for every role that may',
    'token': 'made by whoever logs in, and so by no role: Session in every_type_test.py',
}

# What schemas offer and the server refuses for a reason it gives.
REFUSED = {
    'hostApiProxyToken': {'reportedUuid': 'of-nobody'},
    'projectMember': {},
    'serviceProxy': {'service': 'web', 'port': 80},
}
# What is taken and passed on, and no row is left of it: what is given comes back.
PASSED_ON = {
    'publish': {'name': 'reply.to.nobody', 'data': {'said': 'yes'}, 'previousIds': ['1', '2']},
}
# What a create may be refused with, though the schema offers it: who reports must be who saw it.
TOLD = {
    'containerEvent': 'CantVerifyAgent',
    'externalHostEvent': 'Forbidden',
    'serviceEvent': 'CantVerifyHealthcheck',
}
# What a role without a say over the infrastructure is refused, though its schema offers it.
INFRASTRUCTURE = {'restricted': ['machine']}
# What is taken in, and may be gone when that is done.
TAKEN_IN = ['containerEvent', 'serviceEvent', 'externalDnsEvent', 'externalEvent',
            'externalHostEvent', 'externalServiceEvent', 'externalStoragePoolEvent',
            'externalVolumeEvent']

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


class Maker:
    """Makes rows of every type, and what they refer to before."""

    def __init__(self, caller, client, version):
        self.caller, self.client, self.version = caller, client, version
        self.made, self.revealed = [], {}

    def create(self, type, **more):
        # Hosts come with their agents: the caller has one.
        if type == 'host':
            row = self.host()
            self.made.append((type, row))
            return row, {}
        body = self.needed(type)
        body.update(RECIPES.get(type, lambda maker: {})(self))
        body.update(more)
        row = self.client.create(type, **body)
        self.made.append((type, row))
        self.revealed[row.id] = row
        return good(self.client, row), body

    def id(self, type):
        """A row that another can refer to: one that is there for all, or one of our own."""
        if type == 'project':
            return self.caller.project
        if type == 'account':
            return self.caller.project if self.caller.role in EVERYWHERE else None
        if type == 'host':
            return self.host().id
        if type == 'networkDriver' and not self.client.schema.types[type].creatable:
            return self.caller.driver()
        return self.create(type)[0].id

    def host(self):
        where = {'accountId': self.caller.project} if self.caller.role in EVERYWHERE else {}
        return self.client.list_host(agentId_notnull='true', **where).data[0]

    def needed(self, type):
        body = {}
        for key, field in vars(self.client.schema.types[type].resourceFields).items():
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
            return self.caller.project
        if getattr(field, 'options', None):
            return field.options[0]
        if kind.startswith('reference['):
            return self.id(kind[len('reference['):-1])
        if kind.startswith('array['):
            inner = kind[len('array['):-1]
            return [{}] if inner in self.client.schema.types else []
        if kind.startswith('map['):
            return {}
        if kind == 'int':
            return getattr(field, 'min', None) or 1
        return {'boolean': True, 'json': {}}.get(kind, name(key))

    def stack(self):
        if self.version == 'v1':
            return {'environmentId': self.create('environment')[0].id}
        return {'stackId': self.create('stack')[0].id}

    def kept_volume(self):
        """A volume whose contents can be kept: those that are not shared are nowhere until they are used."""
        options = {'path': '/srv/' + name('dir')}
        return self.create('volume', driver='dir', driverOpts=options)[0].id

    def kept_snapshot(self):
        snapshot = self.create('snapshot')[0]
        return {'snapshotId': snapshot.id, 'volumeId': snapshot.volumeId,
                'backupTargetId': self.create('backupTarget')[0].id}

    def service(self):
        return dict(self.stack(), launchConfig={'imageUuid': IMAGE})


def event(type, **more):
    return dict({'eventType': type, 'externalId': name('event')}, **more)


RECIPES = {
    'account': lambda maker: {'kind': 'user'},
    'agent': lambda maker: {'uri': 'sim://' + name('agent')},
    'backup': lambda maker: maker.kept_snapshot(),
    'certificate': lambda maker: {'cert': CERT, 'key': KEY},
    'container': lambda maker: {'imageUuid': IMAGE},
    'dnsService': lambda maker: maker.stack(),
    'externalService': lambda maker: dict(maker.stack(), hostname='example.test'),
    'loadBalancerService': lambda maker: dict(
        maker.service(), lbConfig={'portRules': []}),
    'machine': lambda maker: {'genericConfig': {'address': name('machine')}, 'labels': {'of': 'a machine'}},
    'networkDriverService': lambda maker: dict(
        maker.service(), networkDriver={'name': name('nd')}),
    'password': lambda maker: {'publicValue': name('login'), 'secretValue': name('secret')},
    'registry': lambda maker: {'serverAddress': name('r') + '.test'},
    'registryCredential': lambda maker: {
        'registryId': maker.create('registry')[0].id, 'publicValue': 'me',
        'secretValue': 'secret'},
    'secret': lambda maker: {'value': base64.b64encode(b'hush').decode()},
    'service': lambda maker: maker.service(),
    'snapshot': lambda maker: {'volumeId': maker.kept_volume()},
    'setting': lambda maker: {'name': name('test.setting').replace('-', '.'), 'value': 'x'},
    'storageDriverService': lambda maker: dict(
        maker.service(), storageDriver={'name': name('sd')}),
    'composeService': lambda maker: maker.stack(),
    'containerEvent': lambda maker: {
        'reportedHostUuid': maker.caller.host_uuid(), 'externalId': name('container'),
        'externalFrom': 'nginx', 'externalStatus': 'stop', 'externalTimestamp': 1},
    'externalDnsEvent': lambda maker: event(
        'dns.update', fqdn='web.test', serviceName='web', stackName='shop'),
    'externalEvent': lambda maker: event('volume.delete'),
    'externalHostEvent': lambda maker: event('host.evacuate', hostLabel='of=nobody'),
    'externalServiceEvent': lambda maker: event(
        'service.remove', service={'name': name('service')}),
    'externalStoragePoolEvent': lambda maker: event(
        'storagepool.create', storagePool={'name': name('pool')}, hostUuids=[]),
    'externalVolumeEvent': lambda maker: event('volume.create', volume={'name': name('volume')}),
    'serviceEvent': lambda maker: {
        'externalTimestamp': 1, 'reportedHealth': 'INIT', 'healthcheckUuid': name('check')},
    'dynamicSchema': lambda maker: {'definition': '{"resourceFields": {}}'},
    'externalHandler': lambda maker: {
        'processConfigs': [{'name': 'physicalhost.error', 'onError': ''}]},
    'instance': lambda maker: {'imageUuid': IMAGE},
    'kubernetesService': lambda maker: maker.stack(),
    'serviceConsumeMap': lambda maker: {'ports': ['80:80']},
    'virtualMachine': lambda maker: {'imageUuid': IMAGE},
    'userPreference': lambda maker: {'value': 'x'},
    'volume': lambda maker: {'driver': 'local'},
    'webhook': lambda maker: {'url': 'http://192.0.2.1/hook', 'events': ['backup.done']},
}
