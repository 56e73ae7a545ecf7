namespace PgCluster.Engine.Switchover;

/// <summary>Name of a table or sequence with its schema.</summary>
/// <param name="Schema">Schema.</param>
/// <param name="Name">Name within it.</param>
public readonly record struct TableName(string Schema, string Name)
{
    /// <summary>As it stands in SQL.</summary>
    public string Sql => $"{Quote(Schema)}.{Quote(Name)}";

    /// <summary>An identifier as it stands in SQL.</summary>
    public static string Quote(string identifier) => $"\"{identifier.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";

    /// <summary>A text literal as it stands in SQL, whatever standard_conforming_strings says.</summary>
    public static string Literal(string text) =>
        text.Contains('\\', StringComparison.Ordinal)
            ? $"E'{text.Replace("\\", @"\\", StringComparison.Ordinal).Replace("'", "''", StringComparison.Ordinal)}'"
            : $"'{text.Replace("'", "''", StringComparison.Ordinal)}'";

    /// <inheritdoc/>
    public override string ToString() => $"{Schema}.{Name}";
}
