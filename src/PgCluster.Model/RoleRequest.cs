namespace PgCluster;

/// <summary>What is asked of the roles of a cluster.</summary>
public sealed record RoleRequest
{
    /// <summary>How many voters there are to be, the primary among them; at least 1.</summary>
    public int Voters { get; init; } = 3;

    /// <summary>How many stand-bys there are to be; at least 0.</summary>
    public int StandBys { get; init; } = 3;

    /// <summary>What becomes of a voter that is offline when nobody can take its place.</summary>
    public RoleMode Mode { get; init; }

    /// <summary>Most changes of one plan; at least 1.</summary>
    public int MaxSteps { get; init; } = 100;
}
