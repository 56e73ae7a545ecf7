namespace PgCluster;

/// <summary>What a switchover moves, from where, to where, and how.</summary>
public sealed record SwitchoverOptions
{
    /// <summary>libpq URI of the database the application uses now; its role owns the tables or is a superuser.</summary>
    public required string SourceUri { get; init; }

    /// <summary>libpq URI of the database it is to use; its role is a superuser or may do what <see cref="Engine"/> needs.</summary>
    public required string TargetUri { get; init; }

    /// <summary>How the target's server reaches the source, when that differs from <see cref="SourceUri"/>; null when not. For the logical engine.</summary>
    public string? SourceUriForTarget { get; init; }

    /// <summary>How the source's server reaches the target, when that differs from <see cref="TargetUri"/>; null when not. For the way back.</summary>
    public string? TargetUriForSource { get; init; }

    /// <summary>How the data is carried.</summary>
    public SwitchoverEngine Engine { get; init; }

    /// <summary>How clients are held back.</summary>
    public SwitchoverStop Stop { get; init; }

    /// <summary>Schemas to move; empty for all but the system's own.</summary>
    public IReadOnlyList<string> Schemas { get; init; } = [];

    /// <summary>Tables to leave out, as schema.table with * and ? as wildcards.</summary>
    public IReadOnlyList<string> ExcludedTables { get; init; } = [];

    /// <summary>Bring the schema over with pg_dump; otherwise it must be there and equal.</summary>
    public bool CopySchema { get; init; }

    /// <summary>Empty tables of the target that hold rows; otherwise rows there are a reason to refuse.</summary>
    public bool TruncateTarget { get; init; }

    /// <summary>What is compared before the flip.</summary>
    public SwitchoverVerify Verify { get; init; } = SwitchoverVerify.Sample;

    /// <summary>Tables, or parts of large ones, copied at the same time; 1 to 64.</summary>
    public int Jobs { get; init; } = 2;

    /// <summary>Changes that the target may lack, in bytes of WAL or rows of the change log, when clients are stopped.</summary>
    public long MaxLag { get; init; } = 1_000_000;

    /// <summary>Keep the source following the target after the flip, so that there is a way back until the switchover is completed.</summary>
    public bool WayBack { get; init; } = true;
}
