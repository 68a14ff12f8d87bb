import Testing

@Suite struct ExpertExecPlaceholder { @Test func builds() {} }
