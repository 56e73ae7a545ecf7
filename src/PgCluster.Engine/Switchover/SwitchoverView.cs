using System.Collections.Immutable;

namespace PgCluster.Engine.Switchover;

/// <summary>All that a participant knows of the switchover: what the log says, folded message by message.</summary>
public sealed record SwitchoverView
{
    /// <summary>What is known before the first message.</summary>
    public static SwitchoverView Initial { get; } = new();

    /// <summary>Where the switchover stands.</summary>
    public SwitchoverState State { get; init; }

    /// <summary>The message that the next one has to answer.</summary>
    public Guid Current { get; init; }

    /// <summary>The reset that everything since belongs to; the nil id before the first.</summary>
    public Guid Reset { get; init; }

    /// <summary>The message whose silence timer runs: the last one that counted as a sign of life.</summary>
    public Guid Heard { get; init; }

    /// <summary>Who leads; null before a participant that can has answered.</summary>
    public Guid? Leader { get; init; }

    /// <summary>Who answered the last reset.</summary>
    public ImmutableSortedDictionary<Guid, SwitchoverNodeData> Nodes { get; init; } = ImmutableSortedDictionary<Guid, SwitchoverNodeData>.Empty;

    /// <summary>Whose application is paused in this run.</summary>
    public ImmutableHashSet<Guid> Paused { get; init; } = [];

    /// <summary>What the leader said last; empty when nothing.</summary>
    public string LastStatus { get; init; } = "";

    /// <summary>Why the last run ended without success; empty when none did since the last reset.</summary>
    public string LastError { get; init; } = "";

    /// <summary>True while a leader has to show that it lives.</summary>
    public bool IsRunning => State is SwitchoverState.Syncing or SwitchoverState.Pausing or SwitchoverState.Executing;
}
