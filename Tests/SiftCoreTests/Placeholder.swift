import Testing

@Suite struct SiftCorePlaceholder { @Test func builds() {} }
