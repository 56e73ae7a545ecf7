using PgCluster.Engine.Switchover;

namespace PgCluster.Tests.Unit.Switchover;

/// <summary>Everything a run works with: notes what is called, fails or lets go when told to.</summary>
internal sealed class FakeRun : ISwitchoverSite, IDataEngine, ISwitchoverParticipants, IClientRoute
{
    private readonly CancellationTokenSource _calledOff = new();
    private readonly CancellationTokenSource _stopLost = new();
    private readonly CancellationTokenSource _fenceLost = new();
    private readonly Dictionary<string, PgClusterException> _failures = [];
    private readonly Dictionary<string, string> _lettingGo = [];

    public List<string> Calls { get; } = [];

    public CancellationToken FenceLost => _fenceLost.Token;

    public CancellationToken StopLost => _stopLost.Token;

    public CancellationToken CalledOff => _calledOff.Token;

    public string? CalledOffBecause => CalledOff.IsCancellationRequested ? "one restarted" : null;

    public void Fail(string call, PgClusterException how) => _failures[call] = how;

    /// <summary>When this is called, the nodes, the poolers or the fence let go.</summary>
    public void LetGo(string call, string who) => _lettingGo[call] = who;

    public Task<string> LockAsync(CancellationToken cancellationToken) => NoteAsync("lock");

    public Task<string> UnlockAsync(CancellationToken cancellationToken) => NoteAsync("unlock");

    public Task<string> BringSchemaAsync(CancellationToken cancellationToken) => NoteAsync("schema");

    public Task<string> FinishSchemaAsync(CancellationToken cancellationToken) => NoteAsync("indexes");

    public Task<string> VerifyAsync(Func<CancellationToken, Task<string>> drain, CancellationToken cancellationToken) => NoteAsync("verify");

    public Task<string> FenceAsync(CancellationToken cancellationToken) => NoteAsync("fence");

    public Task<string> UnfenceAsync(CancellationToken cancellationToken) => NoteAsync("unfence");

    public Task<string> CopySequencesAsync(CancellationToken cancellationToken) => NoteAsync("sequences");

    public Task<string> OpenTargetAsync(CancellationToken cancellationToken) => NoteAsync("open");

    public Task<string> CloseTargetAsync(CancellationToken cancellationToken) => NoteAsync("close");

    public Task<string> FlipAsync(CancellationToken cancellationToken) => NoteAsync("flip");

    public Task<string> TrackAsync(CancellationToken cancellationToken) => NoteAsync("track");

    public Task<string> CopyAsync(IProgress<SwitchoverProgress> progress, CancellationToken cancellationToken) => NoteAsync("copy");

    public Task<string> CatchUpAsync(CancellationToken cancellationToken) => NoteAsync("catchup");

    public Task<long> GetLagAsync(CancellationToken cancellationToken) => Task.FromResult(0L);

    public Task<string> DrainAsync(CancellationToken cancellationToken) => NoteAsync("drain");

    public Task<string> TurnAsync(CancellationToken cancellationToken) => NoteAsync("turn");

    public Task<string> TurnBackAsync(CancellationToken cancellationToken) => NoteAsync("turnback");

    public Task<string> FlowBackAsync(CancellationToken cancellationToken) => NoteAsync("back");

    public Task<string> AbandonAsync(CancellationToken cancellationToken) => NoteAsync("abandon");

    public Task<string> BeginAsync(CancellationToken cancellationToken) => NoteAsync("begin");

    public void Report(string status, SwitchoverProgress? progress)
    {
    }

    public Task<string> PauseAsync(CancellationToken cancellationToken) => NoteAsync("pause");

    public Task<string> FinishAsync(CancellationToken cancellationToken) => NoteAsync("finish");

    public Task<string> CancelAsync(string why, CancellationToken cancellationToken) => NoteAsync("cancel");

    public Task<string> PrepareAsync(CancellationToken cancellationToken) => NoteAsync("prepare");

    public Task<string> StopAsync(CancellationToken cancellationToken) => NoteAsync("stop");

    public Task<string> SwitchAsync(CancellationToken cancellationToken) => NoteAsync("switch");

    public Task<string> ReleaseAsync(CancellationToken cancellationToken) => NoteAsync("release");

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private Task<string> NoteAsync(string call)
    {
        Calls.Add(call);
        if (_lettingGo.TryGetValue(call, out var who))
        {
            (who switch { "nodes" => _calledOff, "poolers" => _stopLost, _ => _fenceLost }).Cancel();
        }

        return _failures.TryGetValue(call, out var failure) ? Task.FromException<string>(failure) : Task.FromResult(call);
    }
}
