using System.Net.Sockets;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace PgCluster.Handoff.Linux;

/// <summary>A descriptor of whatever kind, closed when it is disposed, and never inherited by a program that is started.</summary>
internal sealed class DescriptorHandle : SafeHandleMinusOneIsInvalid
{
    private static readonly Lock Sync = new();

    // Where the search for the next number begins.
    private static int _next;

    /// <summary>Owns a descriptor.</summary>
    public DescriptorHandle(int descriptor)
        : base(ownsHandle: true) => SetHandle(descriptor);

    /// <summary>Another descriptor of what a handle refers to. Closing one leaves the other.</summary>
    /// <exception cref="HandoffException">System: this process may not have more descriptors.</exception>
    public static DescriptorHandle DuplicateOf(SafeHandle handle) => new(Duplicate(handle));

    /// <summary>Another descriptor of this socket, for .NET's own type.</summary>
    /// <exception cref="HandoffException">System: this process may not have more descriptors, or this is no socket.</exception>
    public Socket ToSocket()
    {
        var copy = new SafeSocketHandle(Duplicate(this), ownsHandle: true);
        try
        {
            return new Socket(copy);
        }
        catch (SocketException e)
        {
            copy.Dispose();
            throw new HandoffException(HandoffError.System, $"A descriptor cannot be used as a socket: {e.Message}", e);
        }
    }

    /// <summary>Another descriptor of this file, for .NET's own type.</summary>
    /// <exception cref="HandoffException">System: this process may not have more descriptors.</exception>
    public SafeFileHandle ToFile() => new(Duplicate(this), ownsHandle: true);

    protected override bool ReleaseHandle() => Native.Close(handle) == 0;

    /// <summary>
    /// Every copy has a number that no copy had before. .NET does not tell the kernel's event queue that it has closed a socket, and while another copy of
    /// it is open the queue remembers the old one: a new copy under the same number could not be waited for (EEXIST).
    /// </summary>
    private static int Duplicate(SafeHandle handle)
    {
        var own = (int)handle.DangerousGetHandle();
        lock (Sync)
        {
            var copy = Native.Control(handle, Native.DuplicateCloseOnExec, Math.Max(_next, own + 1));
            if (copy < 0)
            {
                // The numbers are used up: from the beginning again, where hardly one is remembered for this very socket.
                copy = Native.Control(handle, Native.DuplicateCloseOnExec, 0);
            }

            if (copy < 0)
            {
                throw Native.LastError("Cannot duplicate a descriptor");
            }

            _next = copy + 1;
            return copy;
        }
    }
}
