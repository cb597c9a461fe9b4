# A kernel as GRUB loads it (the boot protocol of Linux, x86): prints its command line on the first serial line and
# restarts the machine.
#   gcc -m32 -nostdlib -static -Wl,-Ttext=0,--oformat=binary,--build-id=none -o kernel kernel.S
    .code32
    .globl _start
_start:
    .org 0x1f1
    .byte 1                     # setup_sects: the sectors after the first one
    .org 0x1fe
    .word 0xaa55
    jmp . + 0x70                # its length ends the header
    .org 0x202
    .ascii "HdrS"
    .word 0x020a                # version of the protocol
    .org 0x211
    .byte 1                     # loadflags: the code goes high
    .org 0x214
    .long 0x100000              # code32_start
    .org 0x22c
    .long 0x7fffffff            # initrd_addr_max
    .long 0x100000              # kernel_alignment
    .byte 1                     # relocatable_kernel
    .org 0x238
    .long 2047                  # cmdline_size
    .org 0x258
    .quad 0x1000000             # pref_address
    .long 0x10000               # init_size

    .org 0x400                  # the code; esi: the boot parameters
    movl 0x228(%esi), %esi
    movb $2, %al                # the line stands between STX and ETX
    jmp 2f
1:  lodsb
    testb %al, %al
    jz 3f
2:  movw $0x3fd, %dx
    movb %al, %ah
4:  inb %dx, %al
    testb $0x20, %al
    jz 4b
    movb %ah, %al
    movw $0x3f8, %dx
    outb %al, %dx
    jmp 1b
3:  movw $0x3fd, %dx
    inb %dx, %al
    testb $0x40, %al            # until the last character has gone
    jz 3b
    movb $3, %al
    movw $0x3f8, %dx
    outb %al, %dx
5:  movw $0x3fd, %dx
    inb %dx, %al
    testb $0x40, %al
    jz 5b
    movb $6, %al                # reset by the chipset
    movw $0xcf9, %dx
    outb %al, %dx
6:  hlt
    jmp 6b
