namespace PgCluster;

/// <summary>Where a switchover stands.</summary>
public sealed record SwitchoverStatus
{
    /// <summary>libpq URI of the database the application came from, without a password.</summary>
    public required string SourceUri { get; init; }

    /// <summary>libpq URI of the database it goes to, without a password.</summary>
    public required string TargetUri { get; init; }

    /// <summary>What the nodes have agreed on, by the message log.</summary>
    public SwitchoverState State { get; init; }

    /// <summary>What the source says of itself.</summary>
    public SwitchoverPointer SourcePointer { get; init; }

    /// <summary>What the target says of itself.</summary>
    public SwitchoverPointer TargetPointer { get; init; }

    /// <summary>The database that takes writes, as host:port/database.</summary>
    public required string InCharge { get; init; }

    /// <summary>The last run; null before the first.</summary>
    public Guid? RunId { get; init; }

    /// <summary>Its engine; Auto before the first run.</summary>
    public SwitchoverEngine Engine { get; init; }

    /// <summary>True when the other database follows the one in charge, so that Start-PgSwitchover -Rollback can go back.</summary>
    public bool WayBack { get; init; }

    /// <summary>Changes that the other database lacks: bytes of WAL or rows of the change log; null when nothing flows.</summary>
    public long? Lag { get; init; }

    /// <summary>The node that leads; null when none does.</summary>
    public Guid? Leader { get; init; }

    /// <summary>What the leader said last.</summary>
    public string LastStatus { get; init; } = "";

    /// <summary>Why the last run was called off; empty when it was not.</summary>
    public string LastError { get; init; } = "";

    /// <summary>How far the copy is; null when none runs.</summary>
    public SwitchoverProgress? Progress { get; init; }

    /// <summary>PostgreSQL version of the source.</summary>
    public string SourceVersion { get; init; } = "";

    /// <summary>PostgreSQL version of the target.</summary>
    public string TargetVersion { get; init; } = "";

    /// <summary>The application's nodes and whoever else is connected.</summary>
    public IReadOnlyList<SwitchoverNodeStatus> Nodes { get; init => field = Indexable.Of(value); } = [];

    /// <summary>What New-PgSwitchover was told; the URIs without passwords.</summary>
    public required SwitchoverOptions Options { get; init; }
}
