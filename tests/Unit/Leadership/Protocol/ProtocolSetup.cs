using PgCluster.Engine.Configuration;
using PgCluster.Engine.Election;
using PgCluster.Engine.Nodes;

namespace PgCluster.Tests.Unit.Leadership.Protocol;

/// <summary>Bounds of one search.</summary>
internal sealed record ProtocolSetup
{
    public int Nodes { get; init; } = 3;

    public SynchronousMode Mode { get; init; } = SynchronousMode.Manual;

    public SynchronousMethod Method { get; init; } = SynchronousMethod.Any;

    /// <summary>How many standbys a commit waits for; 0 for asynchronous.</summary>
    public int Standbys { get; init; } = 1;

    /// <summary>What a person may set synchronous_standby_names of node a to; null for never.</summary>
    public string? OtherList { get; init; }

    public int Commits { get; init; } = 2;

    public int Faults { get; init; } = 2;

    /// <summary>Which faults there are.</summary>
    public ProtocolFaults Kinds { get; init; } = ProtocolFaults.All;

    /// <summary>How often a person suspends the cluster or resumes it.</summary>
    public int Suspensions { get; init; }

    /// <summary>How many planned failovers are begun.</summary>
    public int Plans { get; init; }

    /// <summary>True when all nodes' clocks lose the whole margin within one lease.</summary>
    public bool SlowClocks { get; init; } = true;

    /// <summary>True when other steps may come between an agent's look and what it does about it, and between a renewal and its answer.</summary>
    public bool FineSteps { get; init; }

    /// <summary>True when an agent can be frozen between its last look at its hold and the start of its server. Only <see cref="Invariants.NothingIsLost"/> holds then.</summary>
    public bool FreezesInTheStart { get; init; }

    /// <summary>False when servers that nothing stops are let be, to see what clients lose by them.</summary>
    public bool ForbidsTwoWriters { get; init; } = true;

    public ProtocolRules Rules { get; init; } = new();

    /// <summary>The rule of an agent.</summary>
    public Func<NodeSituation, NodeAction> Decide { get; init; } = NodeDecider.Decide;

    /// <summary>The rule of an election.</summary>
    public Func<ElectionSituation, ElectionVerdict> Elect { get; init; } = ElectionPolicy.Decide;

    public int KillAfter => Rules.Margin ? ProtocolClock.KillAfter : ProtocolClock.TimeToLive;

    /// <summary>How long a node takes by the store's clock for what is that long by its own.</summary>
    public int Real(int own) => SlowClocks ? ProtocolClock.Slow(own) : own;
}
