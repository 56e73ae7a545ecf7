namespace PgCluster.Tests.Unit.Leadership.Protocol;

/// <summary>One step of a <see cref="ProtocolModel"/>: what happens, where, and the other end or a quantity.</summary>
internal readonly record struct Move(MoveKind Kind, int Node = 0, int Other = 0)
{
    /// <summary>A look that finds that nobody has led for so long that others had their chance.</summary>
    public const int OthersHadTheirChance = 1;

    /// <summary>A look that finds the standbys that are away to have been away for long.</summary>
    public const int AwayForLong = 2;

    public bool IsFault => Kind is MoveKind.Freeze or MoveKind.KillAgent or MoveKind.CrashServer or MoveKind.FreezeServer or MoveKind.FreezeNode or MoveKind.KillGuard
        or MoveKind.CallUnwell or MoveKind.CutStore or MoveKind.CutPeers or MoveKind.LeasesAnew;

    public bool Mends => Kind is MoveKind.Thaw or MoveKind.ThawNode or MoveKind.ThawServer or MoveKind.StartAgent or MoveKind.CallWell or MoveKind.HealStore or MoveKind.HealPeers
        or MoveKind.PlanDies or MoveKind.Resume;

    public override string ToString() => Kind switch
    {
        MoveKind.Time => $"{Other} ticks pass",
        MoveKind.LeaseEnds => $"the store ends lease {Other}",
        MoveKind.Vote => $"{ProtocolModel.Name(Other)} votes for the election of {ProtocolModel.Name(Node)}",
        MoveKind.Stream or MoveKind.PlanBegins or MoveKind.CutPeers or MoveKind.HealPeers or MoveKind.FollowAnyone =>
            $"{ProtocolModel.Name(Node)} and {ProtocolModel.Name(Other)}: {Kind}",
        MoveKind.Look => $"{ProtocolModel.Name(Node)}: looks{((Other & OthersHadTheirChance) != 0 ? ", others had their chance" : "")}{((Other & AwayForLong) != 0 ? ", who is away has been for long" : "")}",
        MoveKind.Suspend or MoveKind.Resume or MoveKind.PlanDies or MoveKind.LeasesAnew => Kind.ToString(),
        _ => $"{ProtocolModel.Name(Node)}: {Kind}",
    };
}
