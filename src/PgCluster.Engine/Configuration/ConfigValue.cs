namespace PgCluster.Engine.Configuration;

/// <summary>A place in a configuration file.</summary>
/// <param name="Line">From 1.</param>
/// <param name="Column">From 1, in characters.</param>
public readonly record struct SourcePosition(int Line, int Column);

/// <summary>A value of a configuration file with the place it was written at: TOML 1.0's types.</summary>
/// <param name="Position">Where the value begins.</param>
public abstract record ConfigValue(SourcePosition Position)
{
    /// <summary>A string.</summary>
    public sealed record Text(string Value, SourcePosition Position) : ConfigValue(Position);

    /// <summary>A 64-bit signed integer.</summary>
    public sealed record Integer(long Value, SourcePosition Position) : ConfigValue(Position);

    /// <summary>An IEEE 754 double, infinities and NaN included.</summary>
    public sealed record Number(double Value, SourcePosition Position) : ConfigValue(Position);

    /// <summary>true or false.</summary>
    public sealed record Boolean(bool Value, SourcePosition Position) : ConfigValue(Position);

    /// <summary>A moment with its offset from UTC.</summary>
    public sealed record OffsetDateTime(DateTimeOffset Value, SourcePosition Position) : ConfigValue(Position);

    /// <summary>A date and time of day without offset.</summary>
    public sealed record LocalDateTime(DateTime Value, SourcePosition Position) : ConfigValue(Position);

    /// <summary>A date.</summary>
    public sealed record LocalDate(DateOnly Value, SourcePosition Position) : ConfigValue(Position);

    /// <summary>A time of day.</summary>
    public sealed record LocalTime(TimeOnly Value, SourcePosition Position) : ConfigValue(Position);

    /// <summary>An array, also of tables.</summary>
    public sealed record List(IReadOnlyList<ConfigValue> Items, SourcePosition Position) : ConfigValue(Position);

    /// <summary>A table; keys in the order they were written.</summary>
    public sealed record Table(IReadOnlyList<ConfigEntry> Entries, SourcePosition Position) : ConfigValue(Position);
}

/// <summary>A key of a table with its value.</summary>
/// <param name="Key">The key, unquoted.</param>
/// <param name="KeyPosition">Where the key begins.</param>
/// <param name="Value">The value.</param>
public sealed record ConfigEntry(string Key, SourcePosition KeyPosition, ConfigValue Value);
