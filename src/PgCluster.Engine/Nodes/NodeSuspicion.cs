using PgCluster.Engine.Leadership;

namespace PgCluster.Engine.Nodes;

/// <summary>
/// What a standby's agent does about a leader that has been silent for most of its lease and whose PostgreSQL does not answer either: clients wait from then on. Those
/// whose statement was lost with the host come back then to a pooler that lets them wait, and not to one that refuses them until somebody else leads. Where PostgreSQL does
/// answer, clients wait from the moment at which its guard has killed it.
/// </summary>
internal sealed class NodeSuspicion
{
    private readonly Func<string, CancellationToken, Task<bool>> _answers;
    private readonly Func<LeaderRecord, Func<Task>> _pause;
    private Suspect? _suspect;

    /// <summary>Makes one that suspects nobody yet.</summary>
    /// <param name="answers">Whether the PostgreSQL of a node answers.</param>
    /// <param name="pause">Begins to pause the poolers for the end of a leader's term; what it returns gives that up.</param>
    public NodeSuspicion(Func<string, CancellationToken, Task<bool>> answers, Func<LeaderRecord, Func<Task>> pause)
    {
        _answers = answers;
        _pause = pause;
    }

    /// <summary>One look at the leader, which is another node.</summary>
    /// <param name="leader">Who leads, by the store.</param>
    /// <param name="suspected">How long until it is suspected, unless it is heard of; null when its silence proves nothing.</param>
    /// <param name="killed">The same until its server has been killed.</param>
    /// <param name="isReplaced">False while nobody would take over from it.</param>
    public void Look(LeaderRecord leader, TimeSpan? suspected, TimeSpan? killed, bool isReplaced)
    {
        if (_suspect is { } suspect && (leader.Term != suspect.Leader.Term || suspected != TimeSpan.Zero))
        {
            // Who took over ends the pause when its poolers lead there; a leader that is back has nobody who does.
            _suspect = null;
            suspect.End(isBack: leader.Node == suspect.Leader.Node);
        }
        else if (isReplaced && suspected == TimeSpan.Zero && leader.YieldsTo is null && (_suspect is null || (!_suspect.IsGone && killed == TimeSpan.Zero)))
        {
            _suspect = new Suspect(leader, isGone: killed == TimeSpan.Zero, PauseAsync);
        }
    }

    private async Task<Func<Task>?> PauseAsync(Suspect suspect, CancellationToken cancellationToken)
    {
        // An agent alone that is silent is no reason to keep anybody from a server that works.
        var goesOn = !suspect.IsGone && await _answers(suspect.Leader.Node, cancellationToken).ConfigureAwait(false);
        return goesOn || cancellationToken.IsCancellationRequested ? null : _pause(suspect.Leader);
    }

#pragma warning disable CA1001 // A token source without a timer holds nothing.
    private sealed class Suspect
#pragma warning restore CA1001
    {
        private readonly CancellationTokenSource _heard = new();
        private readonly Task<Func<Task>?> _giveUp;

        public Suspect(LeaderRecord leader, bool isGone, Func<Suspect, CancellationToken, Task<Func<Task>?>> pauseAsync)
        {
            Leader = leader;
            IsGone = isGone;
            _giveUp = Task.Run(() => pauseAsync(this, _heard.Token), CancellationToken.None);
        }

        public LeaderRecord Leader { get; }

        /// <summary>True when its server has been killed by now.</summary>
        public bool IsGone { get; }

        public void End(bool isBack) => _ = Task.Run(async () =>
        {
            await _heard.CancelAsync().ConfigureAwait(false);
            if (await _giveUp.ConfigureAwait(false) is { } giveUp && isBack)
            {
                await giveUp().ConfigureAwait(false);
            }
        });
    }
}
