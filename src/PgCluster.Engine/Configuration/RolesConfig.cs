namespace PgCluster.Engine.Configuration;

/// <summary>How many nodes are to have which role, and how often the leader looks whether they have.</summary>
public sealed record RolesConfig
{
    /// <summary>How many voters there are to be: the primary and the standbys that commits may wait for.</summary>
    public int Voters { get; init; } = 3;

    /// <summary>How many nodes are to stream besides, without a commit waiting for them.</summary>
    public int Standbys { get; init; } = 3;

    /// <summary>Time between two adjustments; what changes the members, or who of them is well, is followed at once.</summary>
    public TimeSpan AdjustmentInterval { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>A program with its arguments that the leader runs after every adjustment; empty for none.</summary>
    public ConfigList<string> Hook { get; init; } = [];

    /// <summary>How long it may take; it is killed after that.</summary>
    public TimeSpan HookTimeout { get; init; } = TimeSpan.FromSeconds(10);
}
