import Testing

@Suite struct LinkMonitorPlaceholder { @Test func builds() {} }
