using System.Diagnostics;
using PgCluster.Adapters.Grpc;
using PgCluster.Protos.Health;

namespace PgCluster.Tests.Integration.Upgrade;

/// <summary>A client that always has a Watch of the health service open, over a connection of its own; when it is told that the process was replaced, it opens the next one.</summary>
internal sealed class HealthWatcher : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly GrpcChannel _channel;
    private readonly Task _running;
    private readonly Lock _sync = new();
    private readonly List<long> _ended = [];
    private int _opened;

    public HealthWatcher(Uri address)
    {
        _channel = new GrpcChannel(address, new GrpcChannelOptions());
        _running = Task.Run(RunAsync);
    }

    /// <summary>How many streams of it have said SERVING.</summary>
    public int Opened => Volatile.Read(ref _opened);

    /// <summary>When each stream was told to end, as <see cref="Stopwatch"/> has it.</summary>
    public IReadOnlyList<long> Ended
    {
        get
        {
            lock (_sync)
            {
                return [.. _ended];
            }
        }
    }

    /// <summary>What else ended a stream; null while nothing has.</summary>
    public string? Failure { get; private set; }

    /// <summary>Leaves.</summary>
    public async ValueTask DisposeAsync()
    {
        if (!_running.IsCompleted)
        {
            await _stop.CancelAsync();
            await _running;
        }

        _channel.Dispose();
        _stop.Dispose();
    }

    private async Task RunAsync()
    {
        while (Failure is null && !_stop.IsCancellationRequested)
        {
            try
            {
                await foreach (var answer in _channel.ServerStreamingAsync(GrpcHealthMethods.Watch, new HealthCheckRequest(), GrpcCallOptions.None, _stop.Token))
                {
                    Failure = answer.Status == HealthCheckResponse.Types.ServingStatus.Serving ? null : answer.Status.ToString();
                    Interlocked.Increment(ref _opened);
                }

                Failure = "the stream ended with Ok";
            }
            catch (GrpcException e) when (e.StatusCode == GrpcStatusCode.Unavailable && e.Detail.Contains("was replaced", StringComparison.Ordinal))
            {
                lock (_sync)
                {
                    _ended.Add(Stopwatch.GetTimestamp());
                }
            }
            catch (GrpcException e)
            {
                Failure = e.Message;
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }
}
