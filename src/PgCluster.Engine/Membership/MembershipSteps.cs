namespace PgCluster.Engine.Membership;

/// <summary>Names of the steps by which a cluster's nodes change.</summary>
public static class MembershipSteps
{
    /// <summary>Take the cluster's lock.</summary>
    public const string Lock = "lock";

    /// <summary>Write the new node into the store.</summary>
    public const string Member = "member";

    /// <summary>Write what changes of a node into the store.</summary>
    public const string Set = "set";

    /// <summary>Every other agent works with the new nodes.</summary>
    public const string Agents = "agents";

    /// <summary>The new node streams from the primary.</summary>
    public const string Stream = "stream";

    /// <summary>No commit waits for the node that leaves.</summary>
    public const string Policy = "policy";

    /// <summary>No commit waits for a node that must not lead any more.</summary>
    public const string Synchronous = "synchronous";

    /// <summary>Say in the store that the node is none any more.</summary>
    public const string Remove = "remove";

    /// <summary>The removed node's server has stopped.</summary>
    public const string Stop = "stop";
}
