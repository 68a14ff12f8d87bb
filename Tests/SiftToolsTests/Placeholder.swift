import Testing

@Suite struct SiftToolsPlaceholder { @Test func builds() {} }
