"""What a program written for Rancher 1.6 does, with the client it does it with, unmodified.

Run by tests/it/cattle_client.rs against a server with simulated hosts; needs URL (without a path),
ACCESS_KEY and SECRET_KEY (of an environment's API key) in the environment.
"""

import os
import time
import unittest
import uuid

import cattle

URL = os.environ['URL']
IMAGE = 'docker:nginx:1'


def connect(version='v2-beta', **keys):
    keys = keys or {
        'access_key': os.environ['ACCESS_KEY'],
        'secret_key': os.environ['SECRET_KEY'],
    }
    return cattle.from_env(url='%s/%s/schemas' % (URL, version), **keys)


def name(prefix):
    return '%s-%s' % (prefix, uuid.uuid4().hex[:8])


class ClientTest(unittest.TestCase):
    version = 'v2-beta'

    def setUp(self):
        self.client = connect(self.version)
        self.stacks = []

    def tearDown(self):
        for stack in self.stacks:
            stack = self.reload(stack)
            if stack is not None and stack.state not in ('removing', 'removed'):
                self.client.wait_success(self.client.delete(stack))

    def reload(self, obj):
        return self.client.reload(obj)

    def create_stack(self):
        stack = self.client.create_stack(name=name('stack'))
        self.stacks.append(stack)
        return self.client.wait_success(stack)

    def create_service(self, stack, scale=1, start=True, **launch):
        launch = dict({'imageUuid': IMAGE}, **launch)
        service = self.client.create_service(
            name=name('web'), stackId=stack.id, scale=scale, startOnCreate=start,
            launchConfig=launch)
        self.assertEqual(service.type, 'service')
        return self.client.wait_success(service)

    def wait_removed(self, obj):
        obj = self.client.wait_success(obj)
        self.assertEqual(obj.state, 'removed')
        self.assertIsNotNone(obj.removed)
        return obj

    def running(self, service):
        return sorted(one.name for one in service.instances() if one.state == 'running')

    def fails(self, status, code, field, call, *args, **kw):
        with self.assertRaises(cattle.ApiError) as caught:
            call(*args, **kw)
        error = caught.exception.error
        self.assertEqual(error.type, 'error')
        self.assertEqual((error.status, error.code), (status, code), error)
        if field is not None:
            self.assertEqual(error.fieldName, field, error)
        return error


class Services(ClientTest):
    def test_stack(self):
        stack = self.client.create_stack(name=name('stack'), description='of a test')
        self.stacks.append(stack)
        self.assertEqual(stack.type, 'stack')
        self.assertEqual(stack.state, 'activating')
        self.assertEqual(stack.transitioning, 'yes')
        stack = self.client.wait_success(stack)
        self.assertEqual((stack.state, stack.transitioning), ('active', 'no'))
        self.assertEqual(stack.description, 'of a test')
        self.assertEqual(self.client.by_id_stack(stack.id).uuid, stack.uuid)
        changed = self.client.update(stack, description='of another')
        self.assertEqual(self.client.wait_success(changed).description, 'of another')
        self.wait_removed(self.client.delete(stack))

    def test_scale(self):
        stack = self.create_stack()
        service = self.create_service(stack, scale=2)
        self.assertEqual((service.state, service.scale), ('active', 2))
        names = ['%s-%s-%d' % (stack.name, service.name, n) for n in (1, 2, 3, 4)]
        self.assertEqual(self.running(service), names[:2])
        for scale in (4, 1):
            updated = self.client.update(service, scale=scale, name=service.name)
            self.assertEqual(updated.state, 'updating-active')
            service = self.client.wait_success(updated)
            self.assertEqual((service.state, service.scale), ('active', scale))
            self.assertEqual(self.running(service), names[:scale])
            self.assertEqual(service.currentScale, scale)

    def test_deactivate_and_activate(self):
        service = self.create_service(self.create_stack(), scale=2)
        before = [one.id for one in service.instances()]
        service = self.client.wait_success(service.deactivate())
        self.assertEqual(service.state, 'inactive')
        states = [one.state for one in service.instances()]
        self.assertEqual(states, ['stopped', 'stopped'])
        self.assertFalse(hasattr(service.actions, 'deactivate'))
        service = self.client.wait_success(service.activate())
        self.assertEqual(service.state, 'active')
        self.assertEqual([one.id for one in service.instances()], before)
        self.assertEqual(len(self.running(service)), 2)

    def test_a_service_waits_to_be_activated(self):
        service = self.create_service(self.create_stack(), start=False)
        self.assertEqual(service.state, 'inactive')
        self.assertEqual(self.running(service), [])
        service = self.client.wait_success(self.client.action(service, 'activate'))
        self.assertEqual(len(self.running(service)), 1)

    def test_stack_actions(self):
        stack = self.create_stack()
        services = [self.create_service(stack, start=False) for _ in range(2)]
        self.client.wait_success(stack.activateservices())
        for service in services:
            self.assertEqual(self.client.wait_success(service).state, 'active')
        self.client.wait_success(stack.deactivateservices())
        for service in services:
            self.assertEqual(self.client.wait_success(service).state, 'inactive')

    def test_remove(self):
        stack = self.create_stack()
        service = self.create_service(stack, scale=2)
        containers = service.instances()
        self.wait_removed(self.client.delete(service))
        for container in containers:
            self.assertIn(self.reload(container).state, ('removed', 'purged', 'purging'))
        other = self.create_service(stack)
        self.wait_removed(stack.remove())
        self.assertEqual(self.client.list_service(id=other.id).data, [])

    def test_links(self):
        stack = self.create_stack()
        service = self.create_service(stack)
        self.assertEqual([one.id for one in stack.services()], [service.id])
        self.assertEqual(service.stack().id, stack.id)
        self.assertEqual(service.account().id, stack.accountId)
        container = service.instances().data[0]
        self.assertEqual(container.serviceIds, [service.id])
        self.assertEqual([one.id for one in container.services()], [service.id])
        host = self.client.by_id_host(container.hostId)
        self.assertIn(container.id, [one.id for one in host.instances()])
        self.assertEqual(container.account().type, 'project')


class Lists(ClientTest):
    def test_filters(self):
        stack = self.create_stack()
        one = self.create_service(stack, start=False)
        two = self.create_service(stack, start=False)
        ids = lambda **kw: sorted(row.id for row in self.client.list_service(stackId=stack.id, **kw))
        both = sorted([one.id, two.id])
        self.assertEqual(ids(), both)
        self.assertEqual(ids(name=one.name), [one.id])
        self.assertEqual(ids(name_ne=one.name), [two.id])
        self.assertEqual(ids(name_prefix=one.name[:8]), [one.id])
        self.assertEqual(ids(name_like='%' + two.name[6:]), [two.id])
        self.assertEqual(ids(uuid=two.uuid), [two.id])
        self.assertEqual(ids(state='inactive'), both)
        self.assertEqual(ids(state='active'), [])
        self.assertEqual(ids(state_ne='active'), both)
        self.assertEqual(ids(removed_null='true'), both)
        self.assertEqual(ids(description_notnull='true'), [])

    def test_sort_and_pages(self):
        stack = self.create_stack()
        services = [self.create_service(stack, start=False).id for _ in range(3)]
        down = self.client.list_service(stackId=stack.id, sort='id', order='desc')
        self.assertEqual([one.id for one in down], services[::-1])
        page = self.client.list_service(stackId=stack.id, limit=2)
        self.assertEqual([one.id for one in page], services[:2])
        self.assertTrue(page.pagination.partial)
        self.assertEqual([one.id for one in page.next()], services[2:])

    def test_include(self):
        stack = self.create_stack()
        service = self.create_service(stack)
        found = self.client.list_service(stackId=stack.id, include='instances').data[0]
        self.assertEqual([one.id for one in found.instances],
                         [one.id for one in service.instances()])

    def test_hosts(self):
        hosts = self.client.list_host(state='active').data
        self.assertGreater(len(hosts), 0)
        for host in hosts:
            self.assertEqual(host.agentState, 'active')
            self.assertGreater(host.memory, 0)
        project = self.client.list_project().data
        self.assertEqual(len(project), 1)
        self.assertEqual(hosts[0].accountId, project[0].id)


class Containers(ClientTest):
    def create(self, **kw):
        container = self.client.create_container(name=name('box'), imageUuid=IMAGE, **kw)
        self.assertEqual((container.type, container.transitioning), ('container', 'yes'))
        return self.client.wait_success(container)

    def test_life(self):
        container = self.create()
        self.assertEqual(container.state, 'running')
        self.assertIsNotNone(container.primaryIpAddress)
        self.assertEqual(container.startCount, 1)
        container = self.client.wait_success(container.stop(timeout=0))
        self.assertEqual(container.state, 'stopped')
        self.assertFalse(hasattr(container.actions, 'stop'))
        container = self.client.wait_success(container.start())
        self.assertEqual(container.state, 'running')
        container = self.client.wait_success(container.restart())
        self.assertEqual((container.state, container.startCount), ('running', 3))
        container = self.client.wait_success(container.stop(remove=True, timeout=0))
        self.assertEqual(container.state, 'removed')

    def test_delete(self):
        container = self.create(startOnCreate=False)
        self.assertEqual(container.state, 'stopped')
        self.wait_removed(self.client.delete(container))
        self.assertEqual(self.client.list_container(uuid=container.uuid).data, [])

    def test_fields_come_back(self):
        container = self.create(
            environment={'A': 'b'}, command=['sleep', '1'], labels={'x': 'y'},
            ports=['8099:80/tcp'], dataVolumes=['/tmp:/host'])
        self.assertEqual(container.environment.A, 'b')
        self.assertEqual(container.command, ['sleep', '1'])
        self.assertEqual(container.labels.x, 'y')
        self.assertEqual(container.ports, ['8099:80/tcp'])
        port = container.ports_link().data[0]
        self.assertEqual((port.publicPort, port.privatePort), (8099, 80))
        self.wait_removed(self.client.wait_success(container.stop(remove=True, timeout=0)))


class Contracts(ClientTest):
    """What programs rely on without asking."""

    def test_lists_of_services_hold_every_kind(self):
        stack = self.create_stack()
        self.create_service(stack, start=False)
        self.client.create_externalService(
            name='outside', stackId=stack.id, hostname='example.test')
        self.client.create_dnsService(name='alias', stackId=stack.id)
        found = self.client.list_service(stackId=stack.id)
        kinds = sorted((one.type, one.kind) for one in found)
        names = ['dnsService', 'externalService', 'service']
        self.assertEqual(kinds, [(one, one) for one in names])

    def test_containers_are_numbered_as_they_are_made(self):
        service = self.create_service(self.create_stack(), scale=2)
        numbers = lambda: sorted(one.createIndex for one in service.instances())
        self.assertEqual(numbers(), [1, 2])
        old = service.instances().data[0]
        self.client.delete(old)
        def replaced():
            running = [one for one in service.instances() if one.state == 'running']
            return len(running) == 2 and old.id not in [one.id for one in running]
        self.until(replaced, lambda: [(one.id, one.state) for one in service.instances()])
        self.assertEqual(max(one.createIndex for one in service.instances()), 3)

    def test_hashes_of_compose_come_back(self):
        stack = self.create_stack()
        key = 'io.rancher.service.hash'
        service = self.client.create_service(
            name='web', stackId=stack.id, metadata={key: {'service': 'abc'}},
            launchConfig={'imageUuid': IMAGE, 'labels': {key: 'def'}})
        service = self.client.wait_success(service)
        self.assertEqual(getattr(service.metadata, key).service, 'abc')
        self.assertEqual(getattr(service.launchConfig.labels, key), 'def')

    def test_a_stack_of_a_wrong_file_says_so(self):
        stack = self.client.create_stack(name=name('stack'), dockerCompose='services: [')
        self.stacks.append(stack)
        with self.assertRaises(Exception):
            self.client.wait_success(stack)
        # It is said while the stack is still on its way there.
        self.until(lambda: self.reload(stack).state == 'error', lambda: self.reload(stack).state)
        stack = self.reload(stack)
        self.assertEqual((stack.state, stack.transitioning), ('error', 'error'))
        self.assertTrue(stack.transitioningMessage)

    def test_containers_of_services_carry_labels(self):
        stack = self.create_stack()
        service = self.client.wait_success(self.client.create_service(
            name='web', stackId=stack.id, startOnCreate=True, launchConfig={'imageUuid': IMAGE},
            secondaryLaunchConfigs=[{'name': 'log', 'imageUuid': IMAGE}]))
        found = {one.name: one for one in service.instances()}
        main, side = (found['%s-web-%s' % (stack.name, end)] for end in ('1', 'log-1'))
        for one, config, of in [
                (main, 'io.rancher.service.primary.launch.config', '%s/web' % stack.name),
                (side, 'log', '%s/web/log' % stack.name)]:
            labels = vars(one.labels)
            expected = {
                'io.rancher.stack.name': stack.name,
                'io.rancher.project.name': stack.name,
                'io.rancher.stack_service.name': of,
                'io.rancher.project_service.name': of,
                'io.rancher.service.deployment.unit': main.deploymentUnitUuid,
                'io.rancher.service.launch.config': config,
            }
            self.assertEqual({key: labels.get(key) for key in expected}, expected)
        self.assertEqual(side.deploymentUnitUuid, main.deploymentUnitUuid)

    def test_what_is_published_is_shown_with_service_and_host(self):
        service = self.create_service(self.create_stack(), ports=['8077:80'])
        container = service.instances().data[0]
        seen = lambda row: [
            (one.port, one.hostId, one.instanceId, one.serviceId)
            for one in self.reload(row).publicEndpoints or [] if one.port == 8077]
        expected = [(8077, container.hostId, container.id, service.id)]
        self.assertEqual(seen(service), expected)
        self.assertEqual(seen(self.client.by_id_host(container.hostId)), expected)
        self.client.wait_success(service.deactivate())
        self.assertEqual(seen(service), [])

    def test_an_environment_links_to_every_type(self):
        project = self.client.list_project().data[0]
        types = self.client.schema.types.values()
        listed = [one.pluralName for one in types
                  if one.listable and hasattr(one.links, 'collection')]
        missing = [one for one in listed if not hasattr(project.links, one)]
        self.assertEqual(missing, [])

    def until(self, done, look):
        deadline = time.time() + 120
        while not done() and time.time() < deadline:
            time.sleep(0.1)
        self.assertTrue(done(), look())


class Errors(ClientTest):
    def test_fields(self):
        stack = self.create_stack()
        create = self.client.create_service
        launch = {'imageUuid': IMAGE}
        self.fails(422, 'MissingRequired', 'name', create, stackId=stack.id, launchConfig=launch)
        self.fails(422, 'InvalidState', 'stackId', create, name='a', launchConfig=launch)
        self.fails(422, 'InvalidReference', 'stackId', create, name='a', stackId='1st99999',
                   launchConfig=launch)
        self.fails(422, 'InvalidCharacters', 'name', create, name='a_b', stackId=stack.id,
                   launchConfig=launch)
        self.fails(422, 'MaxLengthExceeded', 'name', create, name='a' * 64, stackId=stack.id,
                   launchConfig=launch)
        service = self.create_service(stack, start=False)
        self.fails(422, 'NotUnique', 'name', create, name=service.name, stackId=stack.id,
                   launchConfig=launch)
        self.fails(422, 'NotUnique', 'name', self.client.create_stack, name=stack.name)
        self.fails(422, 'PortWrongFormat', None, create, name='a', stackId=stack.id,
                   launchConfig={'imageUuid': IMAGE, 'ports': ['a:b:c:d']})

    def test_what_is_not_there(self):
        self.assertIsNone(self.client.by_id_service('1s99999'))
        stack = self.create_stack()
        stack.links.self = stack.links.self + '99999'
        self.fails(404, 'Not Found', None, self.client.update, stack, name='other')

    def test_actions(self):
        service = self.create_service(self.create_stack(), start=False)
        self.assertFalse(hasattr(service.actions, 'deactivate'))
        service.actions.deactivate = service.actions.activate.replace('activate', 'deactivate')
        self.fails(422, 'ActionNotAvailable', 'action', self.client.action, service, 'deactivate')
        service.actions.nonsense = service.actions.activate.replace('activate', 'nonsense')
        self.fails(422, 'InvalidAction', 'action', self.client.action, service, 'nonsense')

    def test_keys(self):
        self.fails(401, 'Unauthorized', None, connect, access_key='nobody', secret_key='nothing')
        # An environment's key is no administrator.
        self.assertFalse(hasattr(self.client, 'create_project'))


class V1(ClientTest):
    version = 'v1'

    def create_stack(self):
        stack = self.client.create_environment(name=name('stack'))
        self.stacks.append(stack)
        return self.client.wait_success(stack)

    def test_environment(self):
        stack = self.create_stack()
        self.assertEqual((stack.type, stack.state), ('environment', 'active'))
        self.assertTrue(stack.id.startswith('1e'), stack.id)
        self.assertIn('/v1/', stack.links.self)
        launch = {'imageUuid': IMAGE}
        service = self.client.create_service(
            name='web', environmentId=stack.id, scale=2, launchConfig=launch)
        service = self.client.wait_success(service)
        self.assertEqual((service.state, service.environmentId), ('inactive', stack.id))
        service = self.client.wait_success(service.activate())
        self.assertEqual(service.state, 'active')
        self.assertEqual(len(self.running(service)), 2)
        service = self.client.wait_success(self.client.update(service, scale=3, name='web'))
        self.assertEqual(len(self.running(service)), 3)
        self.assertEqual(service.environment().id, stack.id)
        self.assertEqual([one.id for one in stack.services()], [service.id])
        found = self.client.list_environment(name=stack.name)
        self.assertEqual([one.id for one in found], [stack.id])
        service = self.client.wait_success(service.deactivate())
        self.assertEqual(service.state, 'inactive')
        self.wait_removed(stack.remove())


if __name__ == '__main__':
    unittest.main(verbosity=2)
