import Testing

@Suite struct SiftClusterPlaceholder { @Test func builds() {} }
