namespace PgCluster.Tests.HandoffDaemon;

/// <summary>Does what the lines on standard input say.</summary>
sealed class CommandReader : IDisposable
{
    readonly CancellationTokenSource _ended = new();

    /// <summary>Cancelled when the daemon is to end.</summary>
    public CancellationToken Ended => _ended.Token;

    // A thread of its own: reading blocks, and a step at which the daemon is held may block any other.
    public void Begin(StepLogger logger, Daemon daemon) => new Thread(() => Read(logger, daemon)) { IsBackground = true }.Start();

    public void Dispose() => _ended.Dispose();

    void Read(StepLogger logger, Daemon daemon)
    {
        while (Console.In.ReadLine() is { } line)
        {
            var words = line.Split(' ', 2);
            switch (words[0])
            {
                case "continue":
                    logger.Continue();
                    break;
                case "cancel":
                    _ended.Cancel();
                    break;
                default:
                    daemon.Do(words[0], words.ElementAtOrDefault(1) ?? "");
                    break;
            }
        }

        Environment.Exit(5);
    }
}
