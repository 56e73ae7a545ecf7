using System.Globalization;
using Microsoft.Extensions.Logging;
using PgCluster.Adapters.Process;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Leadership;

namespace PgCluster.Adapters.Guard;

/// <summary>The agent's side of its guard: starts it when it is not there, and writes the deadline it goes by.</summary>
public sealed partial class ProcessGuard : ILeaderGuard, IDisposable
{
    private static readonly TimeSpan StartBudget = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(5);

    private readonly IReadOnlyList<string> _command;
    private readonly string _dataDirectory;
    private readonly string _logFile;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly SemaphoreSlim _gate = new(1, 1);
    private readonly GuardFile _file;
    private bool _watchdogRequired;

    /// <summary>Opens the guard of a data directory; starts nothing yet.</summary>
    /// <param name="command">The program and its first arguments, before the data directory: what runs <see cref="GuardLoop"/>.</param>
    /// <param name="dataDirectory">The data directory.</param>
    /// <param name="logFile">Where the guard says what it did.</param>
    /// <param name="time">The clock of waits.</param>
    /// <param name="logger">The log.</param>
    /// <exception cref="PgClusterException"><see cref="Reason.InvalidConfiguration"/>: the file beside the data directory cannot be written.</exception>
    public ProcessGuard(IReadOnlyList<string> command, string dataDirectory, string logFile, TimeProvider time, ILogger<ProcessGuard> logger)
    {
        _command = command;
        _dataDirectory = dataDirectory;
        _logFile = logFile;
        _time = time;
        _logger = logger;
        var path = GuardFile.PathOf(dataDirectory);
        try
        {
            _file = GuardFile.Open(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new PgClusterException(
                Reason.InvalidConfiguration, $"the agent cannot write {path}, which it needs beside the data directory: {e.Message}; let its user write in that directory", e);
        }

        // A deadline that no guard looks at is of an earlier start of the machine.
        if (!_file.Guard.IsRunning)
        {
            _file.Deadline = 0;
        }
    }

    /// <summary>Says which watchdog the guard is to use; also one that runs already.</summary>
    /// <param name="mode">Whether.</param>
    /// <param name="device">The device.</param>
    /// <param name="timing">When the machine has to have been reset.</param>
    public void UseWatchdog(WatchdogMode mode, string device, LeaderTiming timing)
    {
        _watchdogRequired = mode == WatchdogMode.Required;
        _file.WatchdogMargin = timing.SafetyMargin;
        _file.WatchdogLimit = timing.TimeToLive * 2 / 3;
        _file.WatchdogDevice = mode == WatchdogMode.Off ? "" : device;
    }

    /// <inheritdoc/>
    public bool IsArmed => _file.Deadline > 0;

    /// <inheritdoc/>
    public async Task EnsureAsync(CancellationToken cancellationToken)
    {
        if (!_file.Guard.IsRunning)
        {
            await StartAsync(cancellationToken).ConfigureAwait(false);
        }

        var began = _time.GetTimestamp();
        while (_watchdogRequired && _file.Watchdog != WatchdogState.Usable)
        {
            if (_file.Watchdog == WatchdogState.Unusable || _time.GetElapsedTime(began) > StartBudget)
            {
                throw new PgClusterException(
                    Reason.NotSupportedHere, $"leader.watchdog is required, and {_file.WatchdogDevice} cannot be used, so this node must not lead; {_logFile} says why");
            }

            await Task.Delay(Poll, _time, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <inheritdoc/>
    public void Arm(TimeSpan fromNow) => _file.Deadline = BootClock.NowNanoseconds + Math.Max(1, (long)(fromNow.TotalSeconds * 1_000_000_000));

    /// <inheritdoc/>
    public void Disarm() => _file.Deadline = 0;

    /// <summary>Lets go; the guard goes on.</summary>
    public void Dispose()
    {
        _file.Dispose();
        _gate.Dispose();
    }

    private async Task StartAsync(CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (_file.Guard.IsRunning)
            {
                return;
            }

            using var process = await DetachedProcess.StartAsync(
                new ProgramCommand(_command[0], [.. _command.Skip(1), _dataDirectory]) { WorkingDirectory = "/" }, _logFile, cancellationToken).ConfigureAwait(false);
            var began = _time.GetTimestamp();
            while (!_file.Guard.IsRunning)
            {
                if (process.HasExited || _time.GetElapsedTime(began) > StartBudget)
                {
                    throw new PgClusterException(
                        Reason.MissingProgram, string.Create(CultureInfo.InvariantCulture, $"the guard of {_dataDirectory} did not start; {_logFile} says why"));
                }

                await Task.Delay(Poll, _time, cancellationToken).ConfigureAwait(false);
            }

            LogStarted(_dataDirectory, _file.Guard.Pid);
        }
        finally
        {
            _gate.Release();
        }
    }

    [LoggerMessage(3101, LogLevel.Information, "The guard of {DataDirectory} runs as process {Pid}")]
    private partial void LogStarted(string dataDirectory, int pid);
}
