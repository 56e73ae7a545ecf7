namespace PgCluster.Tests.Unit.Leadership.Protocol;

/// <summary>What an agent is in the middle of, under its gate.</summary>
internal enum AgentActivity
{
    Nothing = 0,

    /// <summary>It has looked and decided.</summary>
    Acting,

    /// <summary>Its list of synchronous standbys is on record, and is going to be enforced.</summary>
    Enforcing,

    /// <summary>A take is on its way.</summary>
    Taking,

    /// <summary>It leads, and is going to serve.</summary>
    Taken,

    /// <summary>It has looked at its hold for the last time before the server starts.</summary>
    Starting,
}
