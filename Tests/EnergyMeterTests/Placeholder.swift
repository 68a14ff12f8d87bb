import Testing

@Suite struct EnergyMeterPlaceholder { @Test func builds() {} }
