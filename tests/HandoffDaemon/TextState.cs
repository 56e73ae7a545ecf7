using System.Text;
using PgCluster.Handoff;

namespace PgCluster.Tests.HandoffDaemon;

/// <summary>A text with a version: what is handed over says at which moment it was taken.</summary>
sealed class TextState(int version, string text) : IApplicationState
{
    public ValueTask<StateSnapshot> CaptureAsync(StateMoment moment, HandoffPeer successor, CancellationToken cancellationToken)
    {
        Lines.Say($"captured {moment} for {successor.Id} {successor.ApplicationVersion ?? "-"}");
        return text == "refuse"
            ? throw new HandoffRefusedException("a failover is under way")
            : ValueTask.FromResult(new StateSnapshot(version, Encoding.UTF8.GetBytes($"{text} {moment}")));
    }

    public ValueTask ResumeAsync()
    {
        Lines.Say("resumed");
        return ValueTask.CompletedTask;
    }

    public ValueTask AdoptAsync(StateSnapshot? snapshot, StateMoment moment, HandoffPeer owner, CancellationToken cancellationToken)
    {
        if (snapshot is not null && (snapshot.Version != version || text == $"refuse-{moment}"))
        {
            throw new HandoffRefusedException($"it reads version {version} of the state, not {snapshot.Version}");
        }

        Lines.Say($"adopted {moment} {(snapshot is null ? "nothing" : Encoding.UTF8.GetString(snapshot.Content.Span))}");
        return ValueTask.CompletedTask;
    }
}
