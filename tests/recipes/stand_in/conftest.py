"""No engine: in the place of a container stands the binary, with the environment that the container would have."""

import os
import subprocess

from testcontainers.core.container import DockerContainer


def start(self):
    environment = {"PATH": os.environ["PATH"], **self.env, "LEAPDAY_PORT": "0"}
    command = [os.environ["LEAPDAY_BIN"]]
    self.stand_in = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    lines = iter(self.stand_in.stdout.readline, "")
    self.address = next(line for line in lines if line.startswith("listening on ")).rsplit("/", 1)[-1].strip()
    return self


def stop(self, *_):
    self.stand_in.terminate()
    self.stand_in.wait()


DockerContainer.__init__ = lambda self, image: vars(self).update(image=image, env={}, ports={}, _wait_strategy=None)
DockerContainer.start = start
DockerContainer.stop = stop
DockerContainer.get_container_host_ip = lambda self: self.address.rsplit(":", 1)[0]
DockerContainer.get_exposed_port = lambda self, port: int(self.address.rsplit(":", 1)[1])
