import HostIO
