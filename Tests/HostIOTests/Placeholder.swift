import Testing

@Suite struct HostIOPlaceholder { @Test func builds() {} }
