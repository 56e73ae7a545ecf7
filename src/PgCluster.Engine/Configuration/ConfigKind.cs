namespace PgCluster.Engine.Configuration;

/// <summary>A value that was read, or what was expected instead.</summary>
/// <param name="Value">The value, when nothing else was expected.</param>
/// <param name="Expected">What was expected; null when the value is good.</param>
/// <param name="Found">What to call the bad value where it must not be repeated.</param>
readonly record struct Reading<T>(T Value, string? Expected = null, string? Found = null);

/// <summary>A kind of option: how its values are read from a file, from one text (environment and flags), and written again.</summary>
/// <typeparam name="T">The values.</typeparam>
abstract class ConfigKind<T>(string unit, string expected)
{
    /// <summary>What the value is, in a word or two.</summary>
    public string Unit { get; } = unit;

    /// <summary>What is accepted, as a sentence goes on after "expected".</summary>
    public string Expected { get; } = expected;

    /// <param name="value">The value of the file.</param>
    /// <param name="directory">What a relative path is relative to; null leaves it as it is.</param>
    public abstract Reading<T> Read(ConfigValue value, string? directory);

    /// <param name="text">The whole variable or flag.</param>
    /// <param name="directory">What a relative path is relative to; null leaves it as it is.</param>
    public abstract Reading<T> Parse(string text, string? directory);

    /// <summary>The value as TOML.</summary>
    public abstract string Write(T value);

    protected Reading<T> Refused => new(default!, Expected);
}

/// <summary>A kind whose values are TOML strings.</summary>
sealed class TextKind<T>(string unit, string expected, Func<string, string?, Reading<T>?> parse, Func<T, string> format)
    : ConfigKind<T>(unit, expected)
{
    public override Reading<T> Read(ConfigValue value, string? directory) =>
        value is ConfigValue.Text text ? Parse(text.Value, directory) : Refused;

    public override Reading<T> Parse(string text, string? directory) =>
        text.Any(char.IsControl) ? Refused : parse(text, directory) ?? Refused;

    public override string Write(T value) => TomlText.Quote(format(value));
}

/// <summary>A kind whose values are TOML integers, or also strings.</summary>
sealed class IntegerKind<T>(
    string unit, string expected, Func<long, T?> convert, Func<string, long?> parse, bool alsoText, Func<T, string> write)
    : ConfigKind<T>(unit, expected)
    where T : struct
{
    public override Reading<T> Read(ConfigValue value, string? directory) => value switch
    {
        ConfigValue.Integer integer => Convert(integer.Value),
        ConfigValue.Text text when alsoText => Parse(text.Value, directory),
        _ => Refused,
    };

    public override Reading<T> Parse(string text, string? directory) => Convert(parse(text));

    public override string Write(T value) => write(value);

    Reading<T> Convert(long? number) => number is { } given && convert(given) is { } value ? new(value) : Refused;
}

/// <summary>true or false.</summary>
sealed class BooleanKind() : ConfigKind<bool>("boolean", "true or false")
{
    public override Reading<bool> Read(ConfigValue value, string? directory) =>
        value is ConfigValue.Boolean boolean ? new(boolean.Value) : Refused;

    public override Reading<bool> Parse(string text, string? directory) => bool.TryParse(text, out var value) ? new(value) : Refused;

    public override string Write(bool value) => value ? "true" : "false";
}

/// <summary>A TOML array of at least one; in one text the items are separated by commas.</summary>
sealed class ListKind<T>(ConfigKind<T> item, string unit, string expected) : ConfigKind<ConfigList<T>>(unit, expected)
    where T : IEquatable<T>
{
    public override Reading<ConfigList<T>> Read(ConfigValue value, string? directory) =>
        value is ConfigValue.List list ? Combine(list.Items.Select(entry => item.Read(entry, directory))) : Refused;

    public override Reading<ConfigList<T>> Parse(string text, string? directory) =>
        Combine(text.Split(',', StringSplitOptions.TrimEntries).Select(entry => item.Parse(entry, directory)));

    public override string Write(ConfigList<T> value) => $"[{string.Join(", ", value.Select(item.Write))}]";

    Reading<ConfigList<T>> Combine(IEnumerable<Reading<T>> readings)
    {
        var items = readings.ToList();
        return items.Find(reading => reading.Expected is not null) is { Expected: not null } bad ? new([], Expected, bad.Found)
            : items.Count == 0 || items.Distinct().Count() < items.Count ? Refused
            : new([.. items.Select(reading => reading.Value)]);
    }
}

/// <summary>A TOML array of a program and its arguments, or an empty one; in one text they are separated by commas.</summary>
sealed class CommandLineKind() : ConfigKind<ConfigList<string>>(
    "program and arguments", "a program with its arguments such as [\"/usr/local/bin/roles\", \"--quiet\"], without control characters, or an empty array for none")
{
    public override Reading<ConfigList<string>> Read(ConfigValue value, string? directory) =>
        value is ConfigValue.List list && list.Items.All(item => item is ConfigValue.Text) ? Check([.. list.Items.Select(item => ((ConfigValue.Text)item).Value)]) : Refused;

    public override Reading<ConfigList<string>> Parse(string text, string? directory) =>
        text.Length == 0 ? new([]) : Check(text.Split(',', StringSplitOptions.TrimEntries));

    public override string Write(ConfigList<string> value) => $"[{string.Join(", ", value.Select(TomlText.Quote))}]";

    Reading<ConfigList<string>> Check(string[] words) =>
        words is ["", ..] || words.Any(word => word.Any(char.IsControl)) ? Refused : new([.. words]);
}
