"""A medium for simulated radios (mac80211_hwsim): every frame gets a signal from a fading process, and is lost accordingly."""
