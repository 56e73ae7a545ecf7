namespace PgCluster.Engine.Configuration;

/// <summary>Which standbys are named.</summary>
public enum SynchronousMethod
{
    /// <summary>Every one that may be; whichever are the quickest acknowledge a commit.</summary>
    Any = 0,

    /// <summary>Only as many as a commit waits for, the preferred ones; another takes the place of one that is lost.</summary>
    First,
}
