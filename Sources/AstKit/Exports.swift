// Until AstKit is empty: its rooms.
@_exported import Host
@_exported import Rootfs
@_exported import Store
@_exported import Nodes
@_exported import Packages
@_exported import Boot
@_exported import Live
@_exported import Machines
