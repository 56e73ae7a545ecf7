namespace PgCluster.Engine.Configuration;

/// <summary>How an agent asks Pacemaker, where that is the cluster's manager.</summary>
public sealed record PacemakerConfig
{
    /// <summary>The primitive or the clone that is PostgreSQL; empty where Pacemaker runs only one.</summary>
    public string Resource { get; init; } = "";

    /// <summary>Time between two looks at the cluster information base, beside those that a change brings about.</summary>
    public TimeSpan PollInterval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Budget of one look.</summary>
    public TimeSpan QueryTimeout { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Budget of one order to Pacemaker, not of what becomes of it.</summary>
    public TimeSpan CommandTimeout { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>XPath of the node that is the primary; empty for the status that the resource agent gives it.</summary>
    public string PrimaryXpath { get; init; } = "";

    /// <summary>XPath of the node that is the synchronous standby; empty for the status that the resource agent gives it.</summary>
    public string SynchronousXpath { get; init; } = "";

    /// <summary>True when an agent may remove the lock file of a server that was the primary, and have Pacemaker start it, once it is proven that the primary has all it has.</summary>
    public bool ClearLockFile { get; init; } = true;
}
