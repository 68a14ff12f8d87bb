// Days and hours as the clock on the wall has them. Pure, but for the one function that asks the system its offset.

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Local time by a fixed offset from UTC: what an answer spans has one, even across a change to summer time.
public enum LocalTime {
  /// Seconds that local time is ahead of UTC at `seconds` since 1970, by TZ and the system's time zone.
  public static func utcOffset(at seconds: Double) -> Int {
    var time = time_t(seconds)
    var parts = tm()
    return localtime_r(&time, &parts) == nil ? 0 : parts.tm_gmtoff
  }

  /// The beginning of the local day that `seconds` lies in, in seconds since 1970.
  public static func dayStart(_ seconds: Double, utcOffset: Int) -> Double {
    let local = seconds + Double(utcOffset)
    return (local / 86_400).rounded(.down) * 86_400 - Double(utcOffset)
  }

  /// `2026-11-29 14:05`, without the time when it is midnight.
  public static func text(_ seconds: Double, utcOffset: Int) -> String {
    guard abs(seconds) < 1e11 else { return "–" }
    let local = Int((seconds + Double(utcOffset)).rounded(.down))
    let days = (Double(local) / 86_400).rounded(.down)
    let rest = local - Int(days) * 86_400
    let date = civil(days: Int(days))
    let day = "\(date.year)-\(two(date.month))-\(two(date.day))"
    return rest == 0 ? day : day + " \(two(rest / 3600)):\(two(rest / 60 % 60))"
  }

  /// Reads `2026-11-29` or `2026-11-29 14:05` (or with a `T`) as local time. - Returns: nil for anything else.
  public static func parse(_ text: String, utcOffset: Int) -> Double? {
    let parts = text.split { $0 == " " || $0 == "T" }.map(String.init)
    guard let day = parts.first, parts.count <= 2 else { return nil }
    let date = day.split(separator: "-", omittingEmptySubsequences: false).compactMap { Int($0) }
    guard date.count == 3, (1970...9999).contains(date[0]), (1...12).contains(date[1]), (1...31).contains(date[2])
    else { return nil }
    var seconds = days(year: date[0], month: date[1], day: date[2]) * 86_400
    // 31 April is 1 May by the formula; nobody means that.
    guard civil(days: seconds / 86_400).day == date[2] else { return nil }
    if parts.count == 2 {
      let clock = parts[1].split(separator: ":", omittingEmptySubsequences: false).compactMap { Int($0) }
      guard clock.count == 2, (0...23).contains(clock[0]), (0...59).contains(clock[1]) else { return nil }
      seconds += clock[0] * 3600 + clock[1] * 60
    }
    return Double(seconds - utcOffset)
  }

  private static func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }

  /// Days since 1970 of a date of the Gregorian calendar; years begin in March, so that the leap day is the last.
  private static func days(year: Int, month: Int, day: Int) -> Int {
    let (y, m) = month > 2 ? (year, month - 3) : (year - 1, month + 9)
    return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719_468
  }

  private static func civil(days: Int) -> (year: Int, month: Int, day: Int) {
    // 400 years have 146,097 days.
    let shifted = days + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let ofEra = shifted - era * 146_097
    let year = (ofEra - ofEra / 1460 + ofEra / 36_524 - ofEra / 146_096) / 365
    let ofYear = ofEra - (365 * year + year / 4 - year / 100)
    let month = (5 * ofYear + 2) / 153
    let day = ofYear - (153 * month + 2) / 5 + 1
    return (year + era * 400 + (month >= 10 ? 1 : 0), month >= 10 ? month - 9 : month + 3, day)
  }
}
