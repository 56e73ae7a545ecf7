namespace PgCluster.Engine.Switchover;

/// <summary>Names of a switchover's steps, in their order.</summary>
public static class SwitchoverSteps
{
    /// <summary>Gather the nodes and begin.</summary>
    public const string Announce = "announce";

    /// <summary>Take the executor's lock and mark the source as in progress.</summary>
    public const string Lock = "lock";

    /// <summary>Bring tables and types over.</summary>
    public const string Schema = "schema";

    /// <summary>Begin to keep every change.</summary>
    public const string Track = "track";

    /// <summary>Copy every row.</summary>
    public const string Copy = "copy";

    /// <summary>Build indexes, constraints and triggers.</summary>
    public const string Indexes = "indexes";

    /// <summary>Apply what changed since.</summary>
    public const string CatchUp = "catchup";

    /// <summary>Compare both sides.</summary>
    public const string Verify = "verify";

    /// <summary>Let the nodes pause their applications.</summary>
    public const string Pause = "pause";

    /// <summary>Announce to the poolers where they will lead.</summary>
    public const string Route = "route";

    /// <summary>Hold clients back.</summary>
    public const string Stop = "stop";

    /// <summary>Lock the tables against every writer.</summary>
    public const string Fence = "fence";

    /// <summary>Apply the last changes.</summary>
    public const string Drain = "drain";

    /// <summary>Set the sequences.</summary>
    public const string Sequences = "sequences";

    /// <summary>Keep from here on what changes on the target.</summary>
    public const string Turn = "turn";

    /// <summary>Open the target for writes.</summary>
    public const string Open = "open";

    /// <summary>Flip the pointer: the point of no return.</summary>
    public const string Flip = "flip";

    /// <summary>Lead the poolers to the target.</summary>
    public const string Repoint = "repoint";

    /// <summary>Let clients go on.</summary>
    public const string Resume = "resume";

    /// <summary>Tell the nodes.</summary>
    public const string Done = "done";

    /// <summary>Let the old database follow the new one.</summary>
    public const string Back = "back";
}
