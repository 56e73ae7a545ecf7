using PgCluster.Engine;
using PgCluster.Engine.Nodes;

namespace PgCluster.Tests.Unit.Leadership.Protocol;

/// <summary>One node of a <see cref="ProtocolState"/>: server, guard and agent.</summary>
internal sealed class ProtocolNode
{
    public required int Index { get; init; }

    // The server. Its WAL is text: a small letter is a commit, a capital the record of a promotion.
    public NodeState Server { get; set; } = NodeState.Running;

    public NodeRole Role { get; set; } = NodeRole.Standby;

    public bool ServerFrozen { get; set; }

    public int Timeline { get; set; } = 1;

    public int ForkAt { get; set; }

    public string Log { get; set; } = "";

    public int Upstream { get; set; } = -1;

    /// <summary>synchronous_standby_names.</summary>
    public string Names { get; set; } = "";

    /// <summary>The list before, by which WAL senders that have not read the new one still acknowledge; null when all have.</summary>
    public string? NamesBefore { get; set; }

    /// <summary>The term it became writable in; 0 when it is not.</summary>
    public int Serving { get; set; }

    // The guard.
    public int GuardAt { get; set; }

    public bool GuardFrozen { get; set; }

    public bool GuardDead { get; set; }

    /// <summary>True when a deadline passed that the guard could not see, and the server has run ever since.</summary>
    public bool Late { get; set; }

    // The agent.
    public AgentLife Agent { get; set; }

    public bool Cut { get; set; }

    public bool Unwell { get; set; }

    public bool Starting { get; set; }

    public bool StoppedByAgent { get; set; }

    public string? StoppedFor { get; set; }

    /// <summary>How many synchronous standbys it saw when it last saw its server serve; -1 when it has not.</summary>
    public int SynchronousSeen { get; set; } = -1;

    // Its keeper of the list: the list it saw, whether it has been the only one in force since, and the list it wrote itself.
    public string? SeenNames { get; set; }

    public int SeenTimeline { get; set; }

    public bool IsAlone { get; set; }

    public Lsn? AloneSince { get; set; }

    public string? Written { get; set; }

    public string? ToEnforce { get; set; }

    // Its seat.
    public int Lease { get; set; }

    public int Term { get; set; }

    public int RenewedAt { get; set; }

    public int WrittenAt { get; set; }

    public bool Lost { get; set; }

    public bool Enforced { get; set; } = true;

    public bool Guarded { get; set; } = true;

    public RenewalStage Renewal { get; set; }

    public int RenewalSentAt { get; set; }

    /// <summary>0 not, 1 is going to stop the server, 2 is going to give the leadership back.</summary>
    public int SteppingDown { get; set; }

    public int LostTerm { get; set; }

    // What it does.
    public AgentActivity Doing { get; set; }

    public NodeAction Purpose { get; set; }

    public PostgresStatus? ActingOn { get; set; }

    public int LookedWith { get; set; }

    public PendingTake? Take { get; set; }

    // Its election.
    public StoreBallot? Ballot { get; set; }

    public PostgresStatus?[] Votes { get; set; } = [];

    public string Name => ProtocolModel.Name(Index);

    public bool IsWritable => Server == NodeState.Running && Role == NodeRole.Primary && !ServerFrozen;

    public bool IsRunningStandby => Server == NodeState.Running && Role == NodeRole.Standby;

    public bool IsReady => Agent == AgentLife.Runs && Doing == AgentActivity.Nothing;

    public ProtocolNode Clone()
    {
        var copy = (ProtocolNode)MemberwiseClone();
        copy.Votes = [.. Votes];
        return copy;
    }
}
