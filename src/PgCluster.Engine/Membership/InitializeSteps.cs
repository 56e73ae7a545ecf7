namespace PgCluster.Engine.Membership;

/// <summary>Names of the steps by which a cluster is taken under management, or made.</summary>
public static class InitializeSteps
{
    /// <summary>Take the cluster's lock.</summary>
    public const string Lock = "lock";

    /// <summary>Are the servers still as the plan found them?</summary>
    public const string Recheck = "recheck";

    /// <summary>Standbys stream under their nodes' names.</summary>
    public const string Names = "names";

    /// <summary>Make the first server of a new cluster, beside its data directory.</summary>
    public const string Make = "initdb";

    /// <summary>Put it in the data directory's place: from here on its agent starts it and leads.</summary>
    public const string Begin = "begin";

    /// <summary>Say which database system the cluster is: from here on its agents work.</summary>
    public const string Identity = "identity";

    /// <summary>The primary leads and is published.</summary>
    public const string Lead = "lead";

    /// <summary>Every standby streams from it.</summary>
    public const string Stream = "stream";
}
