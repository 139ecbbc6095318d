"""The desk: pages a reviewer works in. Server-rendered, complete without JavaScript."""
