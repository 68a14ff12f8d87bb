// LinkMonitor
