import Testing

@Suite struct SiftDaemonPlaceholder { @Test func builds() {} }
import HummingbirdTesting
