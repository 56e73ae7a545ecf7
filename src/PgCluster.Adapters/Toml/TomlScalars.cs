using System.Globalization;
using System.Text.RegularExpressions;
using PgCluster.Engine.Configuration;

namespace PgCluster.Adapters.Toml;

/// <summary>Values that are one word: booleans, integers, floats, dates and times.</summary>
static partial class TomlScalars
{
    const string AValue = "a string in quotes, a number, true, false, a date or time, an array or an inline table";

    [GeneratedRegex(@"^[+-]?(0|[1-9](_?[0-9])*)\z")]
    private static partial Regex DecimalInteger { get; }

    [GeneratedRegex(@"^(0x[0-9A-Fa-f](_?[0-9A-Fa-f])*|0o[0-7](_?[0-7])*|0b[01](_?[01])*)\z")]
    private static partial Regex PrefixedInteger { get; }

    [GeneratedRegex(@"^[+-]?(0|[1-9](_?[0-9])*)(\.[0-9](_?[0-9])*)?([eE][+-]?[0-9](_?[0-9])*)?\z")]
    private static partial Regex Float { get; }

    [GeneratedRegex(@"^(?<year>[0-9]{4})-(?<month>[0-9]{2})-(?<day>[0-9]{2})\z")]
    private static partial Regex Date { get; }

    [GeneratedRegex(
        @"^(?<hour>[0-9]{2}):(?<minute>[0-9]{2}):(?<second>[0-9]{2})(\.(?<fraction>[0-9]+))?(?<offset>[Zz]|[+-][0-9]{2}:[0-9]{2})?\z")]
    private static partial Regex Time { get; }

    public static ConfigValue Read(TomlScanner scanner)
    {
        var position = scanner.Position;
        var start = scanner.Index;
        TakeWord(scanner);
        // A date and its time may be apart by one blank instead of a T.
        if (scanner.Peek() == ' ' && scanner.Peek(1) is >= '0' and <= '9' && Date.IsMatch(scanner.From(start)))
        {
            scanner.Take();
            TakeWord(scanner);
        }

        var word = scanner.From(start).ToString();
        if (word.Length == 0)
        {
            throw scanner.Error($"{scanner.Found} instead of a value", AValue);
        }

        return word switch
        {
            "true" => new ConfigValue.Boolean(true, position),
            "false" => new ConfigValue.Boolean(false, position),
            "inf" or "+inf" => new ConfigValue.Number(double.PositiveInfinity, position),
            "-inf" => new ConfigValue.Number(double.NegativeInfinity, position),
            "nan" or "+nan" or "-nan" => new ConfigValue.Number(double.NaN, position),
            _ when LooksLikeDateOrTime(word) => ReadDateOrTime(scanner, word, position),
            _ when DecimalInteger.IsMatch(word) => ReadDecimal(scanner, word, position),
            _ when PrefixedInteger.IsMatch(word) => ReadPrefixed(scanner, word, position),
            _ when Float.IsMatch(word) => ReadFloat(scanner, word, position),
            [(>= '0' and <= '9') or '+' or '-' or '.', ..] => throw scanner.Error(
                position,
                "a number that is not written as TOML has it",
                "no leading zeros, a digit on both sides of a point and of each underscore; or quotes, if it is a string"),
            _ => throw scanner.Error(position, "a word without quotes", AValue),
        };
    }

    static void TakeWord(TomlScanner scanner)
    {
        while (scanner.Peek() is (>= 'a' and <= 'z') or (>= 'A' and <= 'Z') or (>= '0' and <= '9') or '+' or '-' or '.' or '_' or ':')
        {
            scanner.Take();
        }
    }

    static ConfigValue.Integer ReadDecimal(TomlScanner scanner, string word, SourcePosition position) =>
        long.TryParse(WithoutUnderscores(word), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value)
            ? new(value, position)
            : throw OutOfRange(scanner, position);

    static ConfigValue.Integer ReadPrefixed(TomlScanner scanner, string word, SourcePosition position)
    {
        var radix = word[1] switch { 'x' => 16, 'o' => 8, _ => 2 };
        var value = 0L;
        foreach (var digit in WithoutUnderscores(word)[2..])
        {
            var number = digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10;
            if (value > (long.MaxValue - number) / radix)
            {
                throw OutOfRange(scanner, position);
            }

            value = value * radix + number;
        }

        return new(value, position);
    }

    static PgClusterException OutOfRange(TomlScanner scanner, SourcePosition position) =>
        scanner.Error(position, "an integer that does not fit in 64 bits", $"{long.MinValue} to {long.MaxValue}");

    static ConfigValue.Number ReadFloat(TomlScanner scanner, string word, SourcePosition position)
    {
        var value = double.Parse(WithoutUnderscores(word), NumberStyles.Float, CultureInfo.InvariantCulture);
        return double.IsFinite(value)
            ? new(value, position)
            : throw scanner.Error(position, "a float that does not fit in 64 bits", "at most 1.797e308, or inf");
    }

    static string WithoutUnderscores(string word) => word.Replace("_", "", StringComparison.Ordinal);

    static bool LooksLikeDateOrTime(string word) =>
        (char.IsAsciiDigit(word[0]) && word.Contains(':', StringComparison.Ordinal))
        || (word.Length > 4 && word[4] == '-' && word.Take(4).All(char.IsAsciiDigit));

    static ConfigValue ReadDateOrTime(TomlScanner scanner, string word, SourcePosition position)
    {
        var hasDate = word.Length >= 10 && word[4] == '-';
        var date = hasDate ? Date.Match(word[..10]) : Match.Empty;
        var time = (hasDate ? word.Length > 10 : true) ? Time.Match(hasDate ? word[11..] : word) : Match.Empty;
        var separator = hasDate && word.Length > 10 ? word[10] : 'T';
        var complete = (hasDate ? date.Success && (word.Length == 10 || time.Success) : time.Success && !time.Groups["offset"].Success)
            && separator is 'T' or 't' or ' ';
        if (!complete)
        {
            throw scanner.Error(
                position,
                "a date or time that is not written as RFC 3339 has it",
                "YYYY-MM-DD, HH:MM:SS, or both with a T between them, with or without Z or +HH:MM behind; or quotes, if it is a string");
        }

        try
        {
            if (!hasDate)
            {
                return new ConfigValue.LocalTime(TimeOf(time), position);
            }

            var day = new DateOnly(Number(date, "year"), Number(date, "month"), Number(date, "day"));
            if (!time.Success)
            {
                return new ConfigValue.LocalDate(day, position);
            }

            var local = day.ToDateTime(TimeOf(time));
            return time.Groups["offset"].Success
                ? new ConfigValue.OffsetDateTime(WithOffset(local, time.Groups["offset"].Value), position)
                : new ConfigValue.LocalDateTime(local, position);
        }
        catch (ArgumentOutOfRangeException)
        {
            throw scanner.Error(
                position,
                "a date or time that does not exist",
                "a day of the calendar in the years 0001 to 9999, and 00:00:00 to 23:59:59 with an offset up to 23:59");
        }
    }

    static int Number(Match match, string group) => int.Parse(match.Groups[group].ValueSpan, CultureInfo.InvariantCulture);

    static TimeOnly TimeOf(Match time)
    {
        // Finer than 100 ns is cut off, as TOML asks for, not rounded.
        var fraction = time.Groups["fraction"].Value.PadRight(7, '0')[..7];
        return new TimeOnly(Number(time, "hour"), Number(time, "minute"), Number(time, "second"))
            .Add(TimeSpan.FromTicks(long.Parse(fraction, CultureInfo.InvariantCulture)));
    }

    static DateTimeOffset WithOffset(DateTime local, string offset)
    {
        if (offset is "Z" or "z")
        {
            return new(local, TimeSpan.Zero);
        }

        var clock = new TimeOnly(
            int.Parse(offset.AsSpan(1, 2), CultureInfo.InvariantCulture),
            int.Parse(offset.AsSpan(4, 2), CultureInfo.InvariantCulture));
        var span = offset[0] == '-' ? -clock.ToTimeSpan() : clock.ToTimeSpan();
        // RFC 3339 allows offsets up to 23:59 where .NET stops at 14:00: the moment is kept, as UTC.
        return span.Duration() <= TimeSpan.FromHours(14) ? new(local, span) : new(local - span, TimeSpan.Zero);
    }
}
