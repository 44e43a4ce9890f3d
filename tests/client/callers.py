"""Who the tests call as: a caller of every role, each in an environment of its own with a simulated host.

Made by the administrator as people would make them; needs URL, ACCESS_KEY and SECRET_KEY in the
environment.
"""

import os
import uuid

import cattle

URL = os.environ['URL']
ROLES = ['superadmin', 'admin', 'user', 'owner', 'member', 'restricted', 'readonly', 'project',
         'agent']
MEMBERS = ['owner', 'member', 'restricted', 'readonly']
# Roles that see all environments, and say which one they mean.
EVERYWHERE = ['superadmin', 'admin']
# How long anything may take; it hardly ever does.
PATIENCE = 180


def name(prefix):
    return '%s-%s' % (prefix.lower(), uuid.uuid4().hex[:8])


def connect(key, version='v2-beta', project=None):
    where = '%s/projects/%s' % (version, project) if project else version
    return cattle.from_env(url='%s/%s/schemas' % (URL, where),
                           access_key=key.publicValue, secret_key=key.secretValue)


def wait(client, row):
    """What has no states has nothing to wait for."""
    if not hasattr(row, 'transitioning'):
        return row
    found = client.by_id(row.type, row.id)
    if found is None:
        return None
    try:
        return client.wait_transitioning(found, timeout=PATIENCE)
    except AttributeError:
        # It went while it was waited for; or its owner may not see the end of it.
        if client.by_id(row.type, row.id) is not None:
            raise
        return None


def good(client, row):
    """Waits for a row, which has to come to a good end."""
    row = wait(client, row)
    if row is not None and getattr(row, 'transitioning', 'no') != 'no':
        raise AssertionError('%s %s is %s: %s' % (
            row.type, row.id, row.state, row.transitioningMessage))
    return row


def not_allowed(call, *statuses):
    try:
        call()
    except cattle.ApiError as error:
        assert error.error.status in statuses, error.error
    else:
        raise AssertionError('it is not refused')


class Key:
    def __init__(self, public, secret):
        self.publicValue, self.secretValue = public, secret


class Administrator:
    """Makes callers, with the administrator's key."""

    def __init__(self):
        self.client = connect(Key(os.environ['ACCESS_KEY'], os.environ['SECRET_KEY']))
        root = self.client.by_id_account('1a3')
        if root.state != 'active':
            good(self.client, self.client.action(root, 'activate'))
        self.root = self.key(root.id)
        # Nobody logs in before an administrator can.
        login = self.client.create_localAuthConfig(
            username=name('login'), password=name('secret'), name='', accessMode='unrestricted', enabled=True)
        assert login.enabled and login.accessMode == 'unrestricted', login
        # The driver of machines brings their schemas, which clients read once.
        good(self.client, self.client.list_machineDriver(name='generic').data[0])
        # Whoever registers is simulated.
        self.client.update_by_id_setting('agent.uri.format', value='sim://%s')

    def key(self, account):
        key = self.client.create_apiKey(accountId=account, name=name('key'))
        good(self.client, key)
        return key

    def account(self, kind):
        return good(self.client, self.client.create_account(name=name(kind), kind=kind)).id

    def caller(self, role):
        return Caller(self, role)


class Caller:
    """One of a role, with an environment and a host in it."""

    def __init__(self, admin, role):
        self.role = role
        self.other = admin.account('user')
        owner = {'externalId': '1a1', 'externalIdType': 'rancher_id', 'role': 'owner'}
        members = [owner]
        if role in MEMBERS:
            account = admin.account('user')
            members.append(dict(owner, externalId=account, role=role))
        elif role == 'superadmin':
            account = '1a3'
        elif role in ('admin', 'user'):
            account = admin.account(role)
        project = good(admin.client, admin.client.create_project(
            name=name(role), members=members))
        self.project = project.id
        self.root, self.everywhere = connect(admin.root, project=self.project), connect(admin.root)
        agent = self.register()
        if role == 'agent':
            self.key = agent
        elif role == 'superadmin':
            self.key = admin.root
        else:
            self.key = admin.key(self.project if role == 'project' else account)

    def register(self):
        """A host that registers, as Rancher's agents do."""
        token = good(self.root, self.root.create_registrationToken())
        client = connect(Key('registrationToken', token.token))
        row = client.create_register(key=str(uuid.uuid4()))
        row = good(client, row)
        row = client.list_register(key=row.key).data[0]
        return Key(row.accessKey, row.secretKey)

    def host_uuid(self):
        return self.everywhere.list_host(accountId=self.project).data[0].reportedUuid

    def driver(self):
        """A network driver, which only the installation makes."""
        return good(self.everywhere, self.everywhere.create_networkDriver(
            name=name('driver'), accountId=self.project)).id

    def furnish(self):
        """Something of everything, for those who can only look."""
        root = self.root
        stack = good(root, root.create_stack(name=name('stack')))
        good(root, root.create_service(
            name='web', stackId=stack.id, startOnCreate=True,
            launchConfig={'imageUuid': 'docker:nginx:1', 'ports': ['8080:80']}))
        good(root, root.create_volume(name=name('volume'), driver='local'))
        good(root, root.create_registry(serverAddress=name('r') + '.test'))

    def client(self, version='v2-beta'):
        return connect(self.key, version, self.project if self.role in MEMBERS else None)
