using System.IO.MemoryMappedFiles;
using System.Text;
using PgCluster.Adapters.Process;

namespace PgCluster.Adapters.Guard;

/// <summary>
/// What an agent and its guard tell each other: one page of memory that both have mapped, backed by a file beside the data directory. It is made once, in full, so that
/// a disk without room keeps nobody from writing a deadline.
/// </summary>
internal sealed class GuardFile : IDisposable
{
    private const int Size = 4096;
    private const int DeadlineAt = 0;
    private const int PidAt = 8;
    private const int StartTicksAt = 16;
    private const int WatchdogAt = 24;
    private const int WatchdogMarginAt = 32;
    private const int WatchdogLimitAt = 40;
    private const int WatchdogDeviceAt = 64;
    private const int LongestDevice = 255;

    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;

    private GuardFile(MemoryMappedFile file)
    {
        _file = file;
        _view = file.CreateViewAccessor(0, Size);
    }

    /// <summary>When the server is killed, by <see cref="BootClock"/>, in nanoseconds; 0 for never.</summary>
    internal long Deadline
    {
        get => _view.ReadInt64(DeadlineAt);
        set => _view.Write(DeadlineAt, value);
    }

    /// <summary>What the guard says of its watchdog.</summary>
    internal WatchdogState Watchdog
    {
        get => (WatchdogState)_view.ReadInt64(WatchdogAt);
        set => _view.Write(WatchdogAt, (long)value);
    }

    /// <summary>Time between <see cref="Deadline"/> and the moment from which somebody else may lead.</summary>
    internal TimeSpan WatchdogMargin
    {
        get => TimeSpan.FromTicks(_view.ReadInt64(WatchdogMarginAt));
        set => _view.Write(WatchdogMarginAt, value.Ticks);
    }

    /// <summary>Longest timeout that the device may have.</summary>
    internal TimeSpan WatchdogLimit
    {
        get => TimeSpan.FromTicks(_view.ReadInt64(WatchdogLimitAt));
        set => _view.Write(WatchdogLimitAt, value.Ticks);
    }

    /// <summary>Path of the watchdog device; empty when none is to be used.</summary>
    internal string WatchdogDevice
    {
        get
        {
            var bytes = new byte[_view.ReadByte(WatchdogDeviceAt)];
            _view.ReadArray(WatchdogDeviceAt + 1, bytes, 0, bytes.Length);
            return Encoding.UTF8.GetString(bytes);
        }

        set
        {
            var bytes = Encoding.UTF8.GetBytes(value);
            _view.Write(WatchdogDeviceAt, (byte)0);
            _view.WriteArray(WatchdogDeviceAt + 1, bytes, 0, bytes.Length <= LongestDevice ? bytes.Length : throw new PathTooLongException(value));
            _view.Write(WatchdogDeviceAt, (byte)bytes.Length);
        }
    }

    /// <summary>The guard that reads this file; it may be gone.</summary>
    internal ProcessIdentity Guard
    {
        get => new((int)_view.ReadInt64(PidAt), _view.ReadInt64(StartTicksAt));
        set
        {
            _view.Write(StartTicksAt, value.StartTicks);
            _view.Write(PidAt, (long)value.Pid);
        }
    }

    /// <summary>Path of the file of a data directory.</summary>
    internal static string PathOf(string dataDirectory) => Path.TrimEndingDirectorySeparator(dataDirectory) + ".guard";

    /// <summary>Opens it, made when it is missing.</summary>
    /// <exception cref="IOException">It can be neither read nor made.</exception>
    internal static GuardFile Open(string path)
    {
        // Shared by two processes, so without the lock that .NET would put on it.
        var options = new FileStreamOptions { Mode = FileMode.OpenOrCreate, Access = FileAccess.ReadWrite, Share = FileShare.ReadWrite | FileShare.Delete };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        using var stream = new FileStream(path, options);
        if (stream.Length < Size)
        {
            stream.Write(new byte[Size]);
            stream.Flush(flushToDisk: true);
        }

        return new GuardFile(MemoryMappedFile.CreateFromFile(stream, null, Size, MemoryMappedFileAccess.ReadWrite, HandleInheritability.None, leaveOpen: true));
    }

    public void Dispose()
    {
        _view.Dispose();
        _file.Dispose();
    }
}
