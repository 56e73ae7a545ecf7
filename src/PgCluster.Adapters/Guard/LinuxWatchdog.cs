using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace PgCluster.Adapters.Guard;

/// <summary>The kernel's watchdog device (linux/watchdog.h, Documentation/watchdog/watchdog-api.rst).</summary>
internal sealed partial class LinuxWatchdog : IWatchdogDevice
{
    // _IOWR('W', 6, int)
    private const nuint SetTimeout = 0xC0045706;

    private SafeFileHandle? _device;

    public TimeSpan Open(string path, TimeSpan timeout)
    {
        try
        {
            _device = File.OpenHandle(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new IOException($"{path} may not be opened for writing", e);
        }

        var seconds = (int)timeout.TotalSeconds;
        if (IoControl(_device, SetTimeout, ref seconds) < 0)
        {
            var error = Marshal.GetLastPInvokeErrorMessage();
            Close();
            throw new IOException(string.Create(CultureInfo.InvariantCulture, $"{path} is no watchdog whose timeout can be set: {error}"));
        }

        return TimeSpan.FromSeconds(seconds);
    }

    public void Feed() => RandomAccess.Write(_device!, "\0"u8, 0);

    public void Close()
    {
        if (_device is { } device)
        {
            _device = null;
            try
            {
                // Closed without this letter the device goes on.
                RandomAccess.Write(device, "V"u8, 0);
            }
            finally
            {
                device.Dispose();
            }
        }
    }

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    private static partial int IoControl(SafeFileHandle device, nuint request, ref int value);
}
