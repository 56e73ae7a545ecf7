using Microsoft.Extensions.Logging;

namespace PgCluster.Tests.HandoffDaemon;

/// <summary>Says each step of the handoff, and stops at one: what comes next waits until it is told to go on, or for ever.</summary>
sealed class StepLogger(string? hold) : ILogger, IDisposable
{
    readonly ManualResetEventSlim _goOn = new();
    int _held;

    public void Continue() => _goOn.Set();

    public void Dispose() => _goOn.Dispose();

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        Lines.Say($"step {eventId.Name} {formatter(state, exception)}{(exception is null ? "" : " " + exception.Message)}".ReplaceLineEndings(" "));
        if (eventId.Name == hold && Interlocked.Exchange(ref _held, 1) == 0)
        {
            Lines.Say($"held {hold}");
            _goOn.Wait();
        }
    }
}
