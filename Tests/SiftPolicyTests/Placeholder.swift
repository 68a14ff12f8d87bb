import Testing

@Suite struct SiftPolicyPlaceholder { @Test func builds() {} }
