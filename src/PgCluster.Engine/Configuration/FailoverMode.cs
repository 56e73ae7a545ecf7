namespace PgCluster.Engine.Configuration;

/// <summary>What the agents do when the primary is gone.</summary>
public enum FailoverMode
{
    /// <summary>They replace it.</summary>
    Automatic = 0,

    /// <summary>They decide as they would, write that to the history, and leave it to a person.</summary>
    Advice,

    /// <summary>They leave it to a person.</summary>
    Manual,
}
