// EnergyMeter
