using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;
using PgCluster.Adapters.Process;
using PgCluster.Engine.Daemons;

namespace PgCluster.Agent.Daemons;

/// <summary>What this process was told to do: by whoever calls its keeper, or by a SIGHUP, which without an order beside it means to be followed (<c>systemctl reload</c>).</summary>
internal sealed partial class DaemonOrders(OwnRecord own, DaemonDirectory directory, ILogger logger) : IDisposable
{
    private readonly SuccessorLauncher _launcher = new(own, directory, logger);
    private PosixSignalRegistration? _signal;
    private DaemonOrder? _last;

    /// <summary>How long connections may go on after the last order; null when it did not say.</summary>
    public TimeSpan? DrainTimeout => _last?.DrainTimeout;

    /// <summary>Lets what clients have begun come to its end, until the token ends the wait.</summary>
    public Func<CancellationToken, Task> DrainAsync { get; set; } = _ => Task.CompletedTask;

    /// <summary>Hears signals from now on.</summary>
    public void Listen()
    {
        if (directory.IsThere)
        {
            _signal = PosixSignalRegistration.Create(PosixSignal.SIGHUP, OnSignal);
        }
    }

    /// <summary>Begins with it.</summary>
    /// <exception cref="PgClusterException">It may not, or cannot, be done.</exception>
    public void Obey(DaemonOrder order)
    {
        if (DaemonOrderRule.Refusal(own.Now, order.Kind) is { } refusal)
        {
            throw refusal;
        }

        _last = order;
        switch (order.Kind)
        {
            case DaemonOrderKind.Upgrade or DaemonOrderKind.Rehearse:
                _launcher.Start(order.Kind == DaemonOrderKind.Rehearse);
                break;
            case DaemonOrderKind.Drain:
                _ = Task.Run(DrainAndEndAsync);
                break;
            default:
                End();
                break;
        }
    }

    public void Dispose() => _signal?.Dispose();

    private static void End() => ProcessIdentity.Find(Environment.ProcessId)!.Value.Signal(UnixSignal.Terminate);

    private void OnSignal(PosixSignalContext context)
    {
        var order = directory.TakeOrder(own.Now);
        if (order is null && !Console.IsErrorRedirected)
        {
            // The end of the terminal it runs at.
            return;
        }

        context.Cancel = true;
        own.Change(d => d with { Error = null });
        try
        {
            Obey(order ?? new DaemonOrder(DaemonOrderKind.Upgrade));
        }
        catch (PgClusterException e)
        {
            own.Change(d => d with { Error = e.Message });
            LogRefused(logger, e.Message);
        }
    }

    private async Task DrainAndEndAsync()
    {
        using var deadline = new CancellationTokenSource(DrainTimeout ?? TimeSpan.Zero);
        try
        {
            await DrainAsync(deadline.Token).ConfigureAwait(false);
        }
        finally
        {
            End();
        }
    }

    [LoggerMessage(5221, LogLevel.Error, "An order was not carried out: {Why}")]
    private static partial void LogRefused(ILogger logger, string why);
}
