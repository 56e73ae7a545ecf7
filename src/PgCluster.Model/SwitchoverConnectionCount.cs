namespace PgCluster;

/// <summary>Connections of one application_name to one of the two databases.</summary>
public sealed record SwitchoverConnectionCount
{
    /// <summary>The application_name as the server shows it.</summary>
    public required string Name { get; init; }

    /// <summary>The application's version out of the name; empty when the name has none.</summary>
    public string Version { get; init; } = "";

    /// <summary>
    /// A to D out of the name: participant or application on the current database, participant or application on the next one; empty when the name has none.
    /// </summary>
    public string Type { get; init; } = "";

    /// <summary>True when they are connected to the next database.</summary>
    public required bool IsNext { get; init; }

    /// <summary>How many there are.</summary>
    public required int Count { get; init; }
}
